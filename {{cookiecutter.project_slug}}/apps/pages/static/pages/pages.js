// Shows the progress of an upload in the form's progress bar, if it has one.
document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
  const bar = target.querySelector("progress");
  if (bar && detail.lengthComputable) {
    bar.hidden = false;
    bar.value = detail.loaded / detail.total;
  }
});
