"""Uses a running demo in a browser, as people do, and checks every page.

Run inside a generated project: ``python browser.py``. A founder signs up, invites a member, and
demotes them. The invitee accepts by the mailed link, switches to another workspace, and notices the
demotion. The founder logs out, logs in with a second factor, transfers the workspace, and leaves.

Each page is rendered for a phone and a desktop, in light and dark. axe-core must find no problem.
No page may be wider than its window, or larger than `BYTES` in `REQUESTS`, and nothing may violate
the content security policy. The median load time is at most `LOAD_SECONDS`. Screenshots are in
``screenshots/``.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import shutil
import statistics
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from serving import server

PASSWORD = secrets.token_urlsafe()
WIDTHS = (375, 1280)
SCHEMES = ("light", "dark")
HEIGHT = 800
START_SECONDS = 120
MAIL_SECONDS = 20
SCREENSHOTS = Path("screenshots")
LOG = Path("browser.log")
WITHOUT_STYLES = "document.querySelectorAll('[style]').forEach(e => e.removeAttribute('style'))"
# Median, from the development server, with styles and scripts.
LOAD_SECONDS = 1.0
LOADED = "performance.getEntriesByType('navigation')[0].duration"
# Limits for a first visit: the page with its files, without later updates.
BYTES, REQUESTS = 150_000, 6
SIZES = """[
    performance.getEntriesByType('navigation')[0],
    ...performance.getEntriesByType('resource').filter(e => e.initiatorType != 'xmlhttprequest'),
].map(e => e.encodedBodySize)"""
KEPT = "localStorage.length || sessionStorage.getItem('htmx-history-cache')"
NOT_WIDER = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def main() -> None:
    """Serve the demo, use it, and exit 1 after a problem."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir()
    demo = ("manage.py", "demo", "--port", "{port}")
    variables = {"DEMO_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
    served = server(*demo, log=LOG, start_seconds=START_SECONDS, **variables)
    with served as port, sync_playwright() as playwright:
        # Chromium has no sandbox for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        walk = Walk(chromium, port)
        walk.all()
        chromium.close()
    half, most = statistics.median(walk.seconds), max(walk.seconds)
    print(f"Half of the pages are loaded within {half:.2f} s, the slowest in {most:.2f} s.")
    if half > LOAD_SECONDS:
        walk.findings.append(f"Half of the pages take {half:.2f} s or more to load.")
    for finding in walk.findings:
        print(finding)
    if walk.findings:
        sys.exit(f"{len(walk.findings)} findings; see {SCREENSHOTS.resolve()}")
    print(f"No findings on {len(walk.seen)} pages; see {SCREENSHOTS.resolve()}")


def code_of(secret: str) -> str:
    """Return the current one-time code of a secret (RFC 6238)."""
    step = int(time.time()) // 30
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8), "sha1")
    offset = digest[-1] % 16
    number = int.from_bytes(digest[offset : offset + 4]) % 2**31
    return f"{number % 10**6:06}"


def mailed_link(pattern: str) -> str:
    """Return the link in a mail."""
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        if found := re.findall(pattern, LOG.read_text(encoding="utf-8")):
            return str(found[-1])
        time.sleep(0.2)
    sys.exit(f"No mail had a link like {pattern}.")


class Walk:
    """The steps of several people, each with their own browser."""

    def __init__(self, chromium: Any, port: int) -> None:
        self.chromium, self.port = chromium, port
        self.findings: list[str] = []
        self.seen: list[str] = []
        self.seconds: list[float] = []
        self.founder = self.person()
        self.invitee = self.person()

    def all(self) -> None:
        """Do everything, in this order."""
        self.sign_up()
        self.work()
        self.attach()
        self.work_without_scripts()
        self.invite()
        self.join()
        self.switch()
        self.notice_demotion()
        self.read_activity()
        self.log_out()
        self.take_second_factor()
        successor = self.hand_over()
        self.export(successor)
        self.end(successor)
        self.go_astray()

    def person(self, **options: Any) -> Any:
        """Return a page of a new browser without cookies."""
        page = self.chromium.new_context(**options).new_page()
        page.on("pageerror", lambda error: self.findings.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self.record_violation(page.url, message.text))
        return page

    def record_violation(self, url: str, message: str) -> None:
        """Record violations of the content security policy in the console."""
        if "Content Security Policy" in message:
            self.findings.append(f"{url}: {message}")

    def url(self, host: str, path: str = "/") -> str:
        """Return an address of the server."""
        return f"http://{host}:{self.port}{path}"

    def look(self, page: Any, name: str) -> None:
        """Check a page in every size and colour scheme; record its problems."""
        self.seen.append(name)
        self.seconds.append(page.evaluate(LOADED) / 1000)
        if page.evaluate(KEPT):
            self.findings.append(f"{name}: the browser keeps pages for after the log-out")
        sizes = page.evaluate(SIZES)
        if sum(sizes) > BYTES or len(sizes) > REQUESTS:
            self.findings.append(f"{name}: {sum(sizes)} bytes in {len(sizes)} requests")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                where = f"{len(self.seen):02}-{name}-{width}-{scheme}"
                page.screenshot(path=SCREENSHOTS / f"{where}.png", full_page=True)
                results = self.axe_problems(page)
                if results.violations_count:
                    self.findings.append(f"{where}: {results.generate_report()}")
                if not page.evaluate(NOT_WIDER):
                    self.findings.append(f"{where}: wider than its window")

    def axe_problems(self, page: Any) -> Any:
        """Return axe-core's problems, and remove the empty styles that it leaves on elements."""
        results = Axe().run(page)
        page.evaluate(WITHOUT_STYLES)
        return results

    def sign_up(self) -> None:
        """Create a workspace, and log in to it."""
        page = self.founder
        page.goto(self.url("localhost"))
        self.look(page, "home")
        page.get_by_role("link", name="Create a new workspace").click()
        page.get_by_label("Email").fill("founder@initech.test")
        page.get_by_label("Password").fill("password")
        page.get_by_label("Your name").fill("Fiona Founder")
        page.get_by_label("Name of the workspace").fill("Initech")
        page.get_by_label("Address of the workspace").fill("initech")
        page.get_by_role("button", name="Create workspace").click()
        expect(page.get_by_text("This password is too common.")).to_be_visible()
        self.look(page, "sign-up")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create workspace").click()
        expect(page.get_by_text("Your workspace is ready.")).to_be_visible()
        self.look(page, "workspace-is-ready")
        page.goto(mailed_link(r"http://localhost:\d+/verify-email/\S+"))
        self.look(page, "verify")
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_text("Your address is verified.")).to_be_visible()
        page.get_by_label("Address of the workspace").fill("initech")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("link", name="Go to").click()
        page.get_by_label("Email").fill("founder@initech.test")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("No active account with these credentials.")).to_be_visible()
        self.look(page, "log-in")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()

    def work(self) -> None:
        """Create a project and tasks, and change a status without a page load."""
        page = self.founder
        self.look(page, "no-projects")
        for name, description in (("Move", ""), ("Website", "What customers see first.")):
            self.new_project(page, name, description)
            expect(page.get_by_text(f"Project “{name}” was created.")).to_be_visible()
            page.get_by_role("link", name="Projects").first.click()
        self.new_project(page, "Website", "")
        expect(page.get_by_text("already exists")).to_be_visible()
        self.look(page, "new-project")
        page.get_by_role("link", name="Cancel").click()
        self.narrow(page)
        page.get_by_role("link", name="Website").click()
        self.look(page, "no-tasks")
        for title in ("Write the texts", "Choose colours that everybody can tell apart", "Publish"):
            page.get_by_role("link", name="New task").click()
            page.get_by_label("Title").fill(title)
            page.get_by_label("Assignee").select_option(index=1)
            page.get_by_label("Due on").fill("2030-05-17")
            page.get_by_role("button", name="Create task").click()
        self.look(page, "project")
        page.evaluate("window.isStillHere = true")
        with page.expect_response(lambda response: response.request.method == "GET"):
            page.get_by_label("Status of Publish").select_option("doing")
        expect(page.get_by_text("Task “Publish” is now doing.")).to_be_visible()
        if not page.evaluate("window.isStillHere"):
            self.findings.append("a status change loaded the page anew")
        page.reload()
        expect(page.get_by_label("Status of Publish")).to_have_value("doing")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        self.look(page, "focus")

    def new_project(self, page: Any, name: str, description: str) -> None:
        """Create a project."""
        page.get_by_role("link", name="New project").click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Description").fill(description)
        page.get_by_role("button", name="Create project").click()

    def narrow(self, page: Any) -> None:
        """Search in a list, which updates while typing; the address contains the search."""
        page.wait_for_load_state()  # with its scripts
        page.get_by_label("Search").press_sequentially("web")
        expect(page.get_by_role("link", name="Move")).not_to_be_visible()
        expect(page.get_by_label("Search")).to_be_focused()
        page.get_by_label("Search").press_sequentially("xyz")
        expect(page.get_by_text("Nothing matches")).to_be_visible()
        self.look(page, "nothing-matches")
        page.get_by_role("link", name="Show all").click()
        page.wait_for_load_state()  # with its scripts
        page.get_by_label("Order").select_option("name")
        expect(page).to_have_url(re.compile("ordering=name"))
        page.reload()
        expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("Move")
        self.look(page, "projects")

    def attach(self) -> None:
        """Attach a file, download it, and delete file and task, each after a confirmation."""
        page = self.founder
        page.get_by_role("link", name="Write the texts").click()
        file = {"name": "texts.txt", "mimeType": "text/plain", "buffer": b"Welcome!"}
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Attach").click()
        expect(page.get_by_text("“texts.txt” was attached.")).to_be_visible()
        self.look(page, "task")
        with page.expect_download() as download:
            page.get_by_role("link", name="texts.txt", exact=True).click()
        if download.value.path().read_bytes() != file["buffer"]:
            self.findings.append("a file came back changed")
        page.get_by_role("link", name="Delete texts.txt").click()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("“texts.txt” was deleted.")).to_be_visible()
        page.get_by_role("link", name="Edit").click()
        self.look(page, "edit-task")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("link", name="Delete").click()
        self.look(page, "delete-task")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("Task “Write the texts” was deleted.")).to_be_visible()
        page.get_by_role("link", name="Tasks").click()
        self.look(page, "tasks")
        page.get_by_role("link", name="Website").first.click()

    def work_without_scripts(self) -> None:
        """Change a status, search and attach a file in a browser without scripts."""
        page = self.person(
            java_script_enabled=False, storage_state=self.founder.context.storage_state()
        )
        page.goto(self.founder.url)
        page.get_by_label("Status of Publish").select_option("done")
        form = page.locator("form", has=page.get_by_label("Status of Publish"))
        form.get_by_role("button", name="Save").click()
        expect(page.get_by_label("Status of Publish")).to_have_value("done")
        page.get_by_label("Search").fill("publish")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("link", name="Choose colours")).not_to_be_visible()
        page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
        page.screenshot(path=SCREENSHOTS / "no-scripts.png", full_page=True)
        page.get_by_role("link", name="Publish").click()
        file = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"Soon"}
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Attach").click()
        expect(page.get_by_text("“plan.txt” was attached.")).to_be_visible()

    def invite(self) -> None:
        """Change the settings, then invite a user with an account, and one without."""
        page = self.founder
        page.get_by_role("link", name="Settings").click()
        page.get_by_label("Brand name").fill("Initech Incorporated")
        page.get_by_label("Brand color").fill("#ffd400")
        page.get_by_label("Timezone").select_option("Europe/Berlin")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The settings were changed.")).to_be_visible()
        self.look(page, "settings")
        page.get_by_role("link", name="Members").click()
        for email in ("new@initech.test", "both@example.test"):
            page.get_by_label("Email").fill(email)
            page.get_by_role("combobox", name="Role", exact=True).select_option("admin")
            page.get_by_role("button", name="Invite").click()
            expect(page.get_by_text(email, exact=False).first).to_be_visible()

    def join(self) -> None:
        """Accept the mailed invitation, with an account from another workspace."""
        page = self.invitee
        page.goto(mailed_link(r"http://initech\.localhost:\d+/invitations/\S+/"))
        self.look(page, "invitation")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("link", name="Settings")).to_be_visible()
        self.founder.reload()
        self.look(self.founder, "members")

    def switch(self) -> None:
        """Go to another workspace of the user, log in there, and return."""
        page = self.invitee
        page.get_by_role("link", name="Profile").click()
        self.look(page, "profile")
        page.get_by_role("link", name="Change your password").click()
        self.look(page, "password")
        page.get_by_role("link", name="Switch").click()
        self.look(page, "switch")
        page.get_by_role("link", name="Globex").click()
        page.get_by_label("Email").fill("both@example.test")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("link", name="Globex project 1")).to_be_visible()
        page.get_by_role("link", name="Globex project 1").click()
        expect(page.get_by_text("Globex task 1", exact=True)).to_be_visible()
        page.get_by_role("link", name="Switch").click()
        page.get_by_role("link", name="Initech").click()
        expect(page.get_by_role("link", name="Website")).to_be_visible()

    def notice_demotion(self) -> None:
        """Lose a role while a page is open, and notice with the next request."""
        page = self.invitee
        page.get_by_role("link", name="New project").click()
        page.get_by_label("Name").fill("Too late")
        self.founder.get_by_role("link", name="Change the role of both@example.test").click()
        self.founder.get_by_label("Viewer").check()
        self.look(self.founder, "change-role")
        self.founder.get_by_role("button", name="Change role").click()
        expect(self.founder.get_by_text("both@example.test is now Viewer.")).to_be_visible()
        page.get_by_role("button", name="Create project").click()
        expect(page.get_by_text("Insufficient permissions.")).to_be_visible()
        self.look(page, "refused")
        page.goto(self.url("initech.localhost"))
        expect(page.get_by_role("link", name="Website")).to_be_visible()
        expect(page.get_by_role("link", name="New project")).not_to_be_visible()
        page.get_by_role("link", name="Website").click()
        self.look(page, "project-of-a-viewer")
        self.founder.get_by_role("link", name="Remove both@example.test").click()
        self.look(self.founder, "remove-member")
        self.founder.get_by_role("button", name="Remove").click()
        expect(self.founder.get_by_text("both@example.test was removed.")).to_be_visible()
        page.reload()
        expect(page.get_by_text("You have no access here.")).to_be_visible()

    def read_activity(self) -> None:
        """Filter the audit log by a member, and download it."""
        page = self.founder
        page.get_by_role("link", name="Activity").click()
        self.look(page, "activity")
        page.get_by_label("Kind").select_option("member.removed")
        expect(page.get_by_text("Member: role changed:")).not_to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        if download.value.path().read_text().count("Member: removed") != 1:
            self.findings.append("the export is not what the page shows")

    def log_out(self) -> None:
        """Log out; the browser's back button leads to the log-in page."""
        page = self.founder
        page.goto(self.url("initech.localhost", "/logout/"))
        self.look(page, "log-out")
        page.get_by_role("main").get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        page.goto(self.url("initech.localhost", "/members/"))
        expect(page.get_by_role("button", name="Log in")).to_be_visible()

    def log_in(self, page: Any) -> None:
        """Log in with the founder's password."""
        page.goto(self.url("initech.localhost", "/login/"))
        page.get_by_label("Email").fill("founder@initech.test")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()

    def take_second_factor(self) -> None:
        """Enable the second factor, log in with it, and disable it."""
        page = self.founder
        self.log_in(page)
        page.get_by_role("link", name="Profile").click()
        page.get_by_role("link", name="Second factor").click()
        page.get_by_label("Code").fill("000000")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("button", name="Switch on").click()
        expect(page.get_by_text("Incorrect code")).to_be_visible()
        self.look(page, "second-factor")
        page.get_by_label("Code").fill(code_of(page.locator("code").inner_text()))
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("button", name="Switch on").click()
        expect(page.get_by_text("The second factor is on.")).to_be_visible()
        codes = page.locator("code").all_inner_texts()
        self.look(page, "recovery-codes")
        page.get_by_role("link", name="I have stored them").click()
        page.get_by_role("button", name="Log out").click()
        self.log_in(page)
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("An unused code of the second factor is required")).to_be_visible()
        self.look(page, "log-in-with-code")
        page.goto(self.url("initech.localhost", "/members/"))
        expect(page.get_by_label("Password")).to_be_visible()
        self.log_in(page)
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        page.goto(self.url("initech.localhost", "/profile/second-factor/"))
        self.look(page, "second-factor-off")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("The second factor is off.")).to_be_visible()

    def hand_over(self) -> Any:
        """Make a user who is new to the platform the Owner, and leave; return the Owner's page."""
        page, successor = self.founder, self.person()
        link = r"To: new@initech\.test[\s\S]*?(http://initech\.localhost:\d+/invitations/\S+/)"
        successor.goto(mailed_link(link))
        successor.get_by_label("Your name").fill("Nora New")
        successor.get_by_label("Password").fill(PASSWORD)
        successor.get_by_role("button", name="Join").click()
        expect(successor.get_by_role("link", name="Settings")).to_be_visible()
        page.get_by_role("link", name="Members").click()
        page.get_by_role("link", name="Leave this workspace").click()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_text("At least one Owner must remain")).to_be_visible()
        self.look(page, "leave")
        page.goto(self.url("initech.localhost", "/members/"))
        page.get_by_role("link", name="Transfer ownership").click()
        page.get_by_label("The new Owner").select_option(label="Nora New")
        self.look(page, "transfer")
        page.get_by_role("button", name="Transfer").click()
        expect(page.get_by_text("Nora New is now Owner, and you are Admin.")).to_be_visible()
        self.look(page, "members-of-an-admin")
        page.get_by_role("link", name="Leave this workspace").click()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_text("You have left this workspace.")).to_be_visible()
        self.look(page, "left")
        successor.reload()
        successor.get_by_role("link", name="Members").click()
        expect(successor.get_by_text("founder@initech.test")).not_to_be_visible()
        return successor

    def export(self, page: Any) -> None:
        """Order an export of all data, and download it when the mail says that it is ready."""
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Export all data").click()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("button", name="Order an export").click()
        expect(page.get_by_text("The export was ordered.")).to_be_visible()
        page.goto(mailed_link(r"http://initech\.localhost:\d+/settings/exports/"))
        self.look(page, "exports")
        with page.expect_download() as downloaded:
            page.get_by_role("link", name="Download the export").click()
        if not tarfile.is_tarfile(downloaded.value.path()):
            self.findings.append("the export is no archive")

    def end(self, page: Any) -> None:
        """Delete the workspace, as its Owner."""
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Delete this workspace").click()
        self.look(page, "archive")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("button", name="Delete this workspace").click()
        expect(page.get_by_role("heading", name="is archived")).to_be_visible()
        self.look(page, "archived")
        page.goto(self.url("initech.localhost"))
        expect(page.get_by_text("This workspace is suspended")).to_be_visible()

    def go_astray(self) -> None:
        """Check the pages of an unknown host, and of a forgotten password."""
        page = self.person()
        page.goto(self.url("nobody.localhost"))
        self.look(page, "unknown-tenant")
        page.goto(self.url("localhost", "/password-reset/"))
        self.look(page, "password-reset")
        page.get_by_label("Email").fill("founder@initech.test")
        page.get_by_role("button", name="Send a link").click()
        page.goto(mailed_link(r"http://localhost:\d+/password-reset/\S+"))
        self.look(page, "new-password")
        page.goto(self.url("localhost", "/api/docs/"))
        expect(page.get_by_role("heading", name="API 1.0.0")).to_be_visible()
        page.goto(self.url("localhost", "/admin/"))
        expect(page.get_by_role("button", name="Log in")).to_be_visible()


if __name__ == "__main__":
    main()
