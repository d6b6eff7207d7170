// Shows how much of a file has been sent; forms without a bar, and browsers without scripts, do without.
document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
  const bar = target.querySelector("progress");
  if (bar && detail.lengthComputable) {
    bar.hidden = false;
    bar.value = detail.loaded / detail.total;
  }
});
