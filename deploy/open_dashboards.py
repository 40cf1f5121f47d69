"""Opens every dashboard of mlmon in a real Kibana, with Chromium: fails where one shows an error.

NOT RUN against a real Kibana where it was written, for none can run there; a test runs it against
stand-in pages. `deploy/kibana-check.sh` starts a Kibana and calls it; it can be called alone:

    MLMON_KIBANA_URL=http://127.0.0.1:5601 MLMON_KIBANA_USERNAME=elastic MLMON_KIBANA_PASSWORD=… \
        python deploy/open_dashboards.py --out pictures --from now-18d

What it looks for are the attributes that Kibana's own reporting waits for and the test subjects of
Kibana's own functional tests (elastic/kibana: `screenshotting/server/layouts`,
`presentation_panel/public/panel_component`, `lens`, `vis_types/vega`, `expressions`). Exit code: 0
all dashboards are drawn without an error, 1 one is not, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import Error, ViewportSize, expect, sync_playwright

# Next to this file lie artefacts in a folder `kibana`, which is not the package.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).parent]

from mlmon.dashboards.definitions import dashboards
from mlmon.dashboards.links.settings import KibanaSettings, load_kibana_settings
from mlmon.dashboards.links.target import DEFAULT, LinkTarget
from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

SIZE: ViewportSize = {"width": 1600, "height": 6000}
"""As high as the longest dashboard: what lies below the fold would be loaded late or never."""
COUNTED = "[data-shared-items-count]"
DRAWN = '[data-shared-item][data-render-complete="true"]'
UNDRAWN = '[data-shared-item]:not([data-render-complete="true"])'
LOADING = '[data-test-subj="globalLoadingIndicator"]'
PANEL = '[data-test-subj="embeddablePanel"], [data-shared-item]'
TITLE = '[data-test-subj="embeddablePanelTitle"], [data-title]'
ERRORS = (
    "[data-render-error]"
    ', [data-test-subj="embeddableError"]'
    ', [data-test-subj="embeddableStackError"]'
    ', [data-test-subj="embeddable-lens-failure"]'
    ', [data-test-subj="expression-renderer-error"]'
    ', [data-test-subj="visualization-error-text"]'
    ', [data-test-subj="control-frame-error"]'
    ', [data-test-subj="errorToastMessage"]'
    ", .lnsEmbeddedError, .vgaVis__message"
)
EMPTY = '[data-test-subj="emptyPlaceholder"], [data-test-subj="visNoResult"]'
KIBANAS_OWN = ("Content Security Policy",)
"""Kibana tries on each page whether its own policy is enforced, which the browser reports."""
NAMED = """(found, [panel, title]) => found.map((each) => {
    const around = each.closest(panel);
    const named = around && (around.matches('[data-title]') ? around
        : around.querySelector(title));
    const name = named ? named.getAttribute('data-title') || named.textContent : 'the page';
    return [name.trim(), (each.getAttribute('data-render-error') || each.textContent).trim()];
})"""


@dataclass
class Opened:
    """What one dashboard showed.

    Args:
        name: The dashboard's name.
        panels: How many panels are drawn.
        empty: The panels without data: no error, but with a scenario loaded worth a look.
        problems: What is wrong, each with the panel's title.
    """

    name: str
    panels: int = 0
    empty: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def main() -> int:
    """Open all of them; return 1 where one shows an error."""
    given = arguments()
    settings = load_kibana_settings(space=given.space)
    target = LinkTarget(load_settings(namespace=given.namespace).namespace, settings.space)
    given.out.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = logged_in(browser, settings)
        for name, address in addresses(settings.address(), target, given.since, given.until):
            opened = look(context, name, address, given.out, 1000 * given.timeout)
            wrong += bool(opened.problems)
            print_opened(opened)
        browser.close()
    print(f"{wrong} of {len(dashboards())} dashboards show an error; pictures in {given.out}")
    return int(wrong > 0)


def arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of pictures")
    parser.add_argument("--space", help="Kibana space [MLMON_KIBANA_SPACE]")
    parser.add_argument("--namespace", help="environment [MLMON_NAMESPACE]")
    parser.add_argument("--from", dest="since", default="now-18d", help="as Kibana writes it")
    parser.add_argument("--to", dest="until", default="now", help="as Kibana writes it")
    parser.add_argument("--timeout", type=float, default=90.0, help="seconds for each dashboard")
    return parser.parse_args()


def addresses(url: str, target: LinkTarget, since: str, until: str) -> Iterator[tuple[str, str]]:
    """Yield each dashboard's name and address, as `mlmon kibana apply` made it."""
    prefix = "" if target.space == DEFAULT else f"/s/{target.space}"
    time = quote(f"(time:(from:'{since}',to:'{until}'))", safe="()':,")
    for dashboard in dashboards():
        view = f"/app/dashboards#/view/{quote(target.id(dashboard.name))}"
        yield dashboard.name, f"{url}{prefix}{view}?_g={time}"


def chromium() -> str | None:
    """Return a Chromium that is installed; None takes the one of `playwright install`."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


def logged_in(browser: Browser, settings: KibanaSettings) -> BrowserContext:
    """Return a context that has logged in by Kibana's form, where a user is set."""
    context = browser.new_context(viewport=SIZE, ignore_https_errors=settings.ca_certs is not None)
    credentials = settings.credentials()
    if isinstance(credentials, str):
        raise UserError(
            "An API key opens no page", "Set MLMON_KIBANA_USERNAME and MLMON_KIBANA_PASSWORD."
        )
    if credentials:
        page = context.new_page()
        page.goto(f"{settings.address()}/login")
        page.fill('[data-test-subj="loginUsername"]', credentials[0])
        page.fill('[data-test-subj="loginPassword"]', credentials[1])
        page.click('[data-test-subj="loginSubmit"]')
        page.wait_for_url(lambda address: "/login" not in address)
        page.close()
    return context


def look(context: BrowserContext, name: str, address: str, out: Path, timeout: float) -> Opened:
    """Open a dashboard, wait until it is drawn, look for errors and take its picture."""
    opened, page = Opened(name), context.new_page()

    def collect(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(noise in message.text for noise in KIBANAS_OWN):
            opened.problems.append(f"the console: {message.text}")

    page.on("console", collect)
    page.on("pageerror", lambda error: opened.problems.append(f"the script: {error}"))
    page.goto(address)
    try:
        opened.panels = drawn(page, timeout)
    except (AssertionError, Error) as error:
        waiting = [title for title, _ in named(page, UNDRAWN)] or ["the dashboard itself"]
        reason = str(error).strip().partition("\n")[0]
        opened.problems += [f"{title}: is not drawn in time ({reason})" for title in waiting]
    opened.problems += [f"{title}: {text}" for title, text in named(page, ERRORS)]
    opened.empty = [title for title, _ in named(page, EMPTY)]
    page.screenshot(path=out / f"{name}.png", full_page=True)
    page.close()
    return opened


def drawn(page: Page, timeout: float) -> int:
    """Wait until all panels are drawn, as Kibana's reporting does; return how many there are."""
    container = page.locator(COUNTED).first
    container.wait_for(state="attached", timeout=timeout)
    expect(container).not_to_have_attribute("data-shared-items-count", "0", timeout=timeout)
    count = int(container.get_attribute("data-shared-items-count") or 0)
    page.locator(DRAWN).nth(count - 1).wait_for(state="attached", timeout=timeout)
    expect(page.locator(UNDRAWN)).to_have_count(0, timeout=timeout)
    expect(page.locator(LOADING)).to_have_count(0, timeout=timeout)
    return count


def named(page: Page, selector: str) -> list[tuple[str, str]]:
    """Return what is found with the title of the panel around it, each once."""
    found: Any = page.locator(selector).evaluate_all(NAMED, [PANEL, TITLE])
    return list(dict.fromkeys((str(title), " ".join(str(text).split())) for title, text in found))


def print_opened(opened: Opened) -> None:
    """Print what one dashboard showed."""
    print(f"{'FAIL' if opened.problems else 'ok':4} {opened.name}: {opened.panels} panels")
    for problem in opened.problems:
        print(f"       {problem}")
    for panel in opened.empty:
        print(f"       without data: {panel}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"{error.message}. {error.hint}")
