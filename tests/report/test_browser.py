"""The report in a real browser: no error, no request, every chart drawn, every control working."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Request, expect

pytestmark = pytest.mark.long

DRAWN = "body[data-charts=drawn]"
TIMEOUT = 60_000


class Opened(NamedTuple):
    """A page, and what it said and asked for while it was open."""

    page: Page
    console: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def path(scenario_page: str, folder: Path) -> Path:
    """The scenario's report as a file."""
    path = folder / "report.html"
    path.write_text(scenario_page, encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, scheme: str = "light") -> Opened:
    """Open a report as its reader would, and wait until its charts are drawn."""
    page = browser.new_page(viewport={"width": 1360, "height": 900}, color_scheme=scheme)
    console: list[str] = []
    requests: list[str] = []

    def asked(request: Request) -> None:
        requests.append(request.url)

    page.on("console", lambda message: console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: console.append(f"error: {error}"))
    page.on("request", asked)
    page.goto(path.as_uri())
    page.wait_for_selector(DRAWN, timeout=TIMEOUT)
    return Opened(page, console, requests)


@pytest.fixture(scope="module")
def report(browser: Browser, path: Path) -> Iterator[Opened]:
    """The scenario's report, open for this module's tests."""
    report = opened(browser, path)
    yield report
    report.page.close()


def background(page: Page) -> str:
    """Return the colour behind the page."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_every_chart_is_drawn_with_marks_in_it(report: Opened) -> None:
    """Each chart has a line with as many points as its data; folded ones once they are opened."""
    page = report.page
    folds = "for (const fold of document.querySelectorAll('details.quiet')) fold.open = "
    page.evaluate(folds + "true")
    charts = page.locator("figure.chart")
    expect(page.locator("figure.chart[data-drawn]")).to_have_count(charts.count(), timeout=TIMEOUT)
    points = page.evaluate(
        """() => [...document.querySelectorAll('figure.chart')].map((figure) => {
            const line = figure.querySelector('.plot svg .mark-line path[stroke-width="1.25"]');
            return line ? line.getAttribute('d').split('L').length : 0;
        })"""
    )
    assert charts.count() == 50
    assert min(points) > 10
    page.evaluate(folds + "false")


def test_alarms_limits_and_incidents_are_drawn(report: Opened) -> None:
    """The chart of the burst shows its alarm, both limits and the seven incidents' shades."""
    figure = report.page.locator("figure.chart", has_text="/ml/autobid/predict_success_proba").first
    drawn = figure.evaluate(
        """(figure) => Object.fromEntries(['critical', 'warning', 'incident'].map((name) =>
            [name, figure.querySelectorAll(`.plot svg [fill="var(--${name})"],
                                            .plot svg [stroke="var(--${name})"]`).length]))"""
    )
    assert drawn["incident"] == 7
    assert drawn["critical"] >= 2
    assert drawn["warning"] >= 1


def test_the_theme_follows_the_system_and_the_button(report: Opened) -> None:
    """Automatic, light, dark and back; the charts change colour with the page."""
    page, button = report.page, report.page.locator("#theme")
    white, line = background(page), "document.querySelector('.plot svg .mark-line path')"
    light = page.evaluate(f"getComputedStyle({line}).stroke")
    for name, dark in (("light", False), ("dark", True), ("automatic", False)):
        button.click()
        expect(button).to_have_text(f"Theme: {name}")
        assert (background(page) != white) == dark
        assert (page.evaluate(f"getComputedStyle({line}).stroke") != light) == dark


def test_a_dark_system_gets_a_dark_page(browser: Browser, path: Path) -> None:
    """Without a choice the page follows `prefers-color-scheme`; print is light all the same."""
    page = browser.new_page(color_scheme="dark")
    page.goto(path.as_uri())
    dark = background(page)
    page.emulate_media(media="print", color_scheme="dark")
    assert dark != background(page) == "rgb(255, 255, 255)"
    page.close()


def test_alerts_are_filtered(report: Opened) -> None:
    """Text, analyzer and severity narrow the rows, and the count says how many are left."""
    page = report.page
    rows = page.locator("table.alerts tbody tr")
    every = rows.count()
    page.fill("#filter-text", "bid_price KS.distance")
    visible = page.locator("table.alerts tbody tr:visible")
    # The shift outlasts a model version: an alert of each.
    expect(visible).to_have_count(2)
    assert all("bid_price" in text for text in visible.all_inner_texts())
    expect(page.locator("#filter-count")).to_have_text(f"2 of {every} rows")
    page.fill("#filter-text", "")
    page.select_option("#filter-severity", "warning")
    assert {row.get_attribute("data-severity") for row in visible.all()} == {"warning"}
    page.select_option("#filter-severity", "")
    page.select_option("#filter-analyzer", "job_health")
    assert {row.get_attribute("data-analyzer") for row in visible.all()} == {"job_health"}
    page.select_option("#filter-analyzer", "")
    expect(visible).to_have_count(every)


def test_values_are_read_with_the_keyboard(report: Opened) -> None:
    """A chart takes the focus; arrow keys read its values, and leaving it restores the limits."""
    figure = report.page.locator("figure.chart", has_text="/ml/autobid/predict_success_proba").first
    readout, rest = figure.locator(".readout"), figure.locator(".readout").inner_text()
    figure.locator(".plot").focus()
    report.page.keyboard.press("Home")
    expect(readout).to_contain_text("2 Nov 02:00")
    report.page.keyboard.press("ArrowRight")
    expect(readout).to_contain_text("2 Nov 04:00")
    report.page.keyboard.press("End")
    expect(readout).to_contain_text("20 Nov 00:00")
    expect(figure.locator(".cursor")).to_be_visible()
    figure.locator(".plot").blur()
    expect(readout).to_have_text(rest)


def test_a_moment_pointed_at_is_shown_in_every_chart(report: Opened) -> None:
    """The pointer in one chart puts the cursor to the same moment in all that are drawn."""
    page = report.page
    plot = page.locator("figure.chart:visible .plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    places = """[...document.querySelectorAll('figure.chart[data-drawn]')]
        .filter((figure) => figure.checkVisibility())
        .map((figure) => Math.round(parseFloat(figure.querySelector('.cursor').style.left)))"""
    page.wait_for_function(f"{places}.every((place) => place > 0)")
    found = page.evaluate(places)
    assert len(found) > 20
    assert max(found) - min(found) <= 1
    page.mouse.move(0, 0)


def test_behind_each_chart_is_its_table(report: Opened) -> None:
    """Opened, the table has one row per bucket, and says what the marks say."""
    figure = report.page.locator("figure.chart", has_text="/ml/autobid/predict_success_proba").first
    figure.locator("details.data summary").click()
    rows = figure.locator("details.data tbody tr")
    expect(rows).to_have_count(216)
    critical = rows.filter(has_text="critical")
    expect(critical).to_have_count(1)
    assert "http.5xx.rate of /ml/autobid/predict_success_proba is" in critical.inner_text()
    figure.locator("details.data summary").click()


def test_a_link_opens_what_is_folded_away(browser: Browser, path: Path) -> None:
    """An address that points to a chart in a closed fold unfolds and draws it."""
    page = browser.new_page()
    page.goto(path.as_uri())
    anchor = page.locator("details.quiet figure.chart").first.get_attribute("id")
    page.goto(f"{path.as_uri()}#{anchor}")
    expect(page.locator(f"#{anchor}[data-drawn]")).to_be_visible(timeout=TIMEOUT)
    page.close()


def test_controls_have_names_and_focus_is_visible(report: Opened) -> None:
    """Every control and chart that takes the focus has a name for those who do not see it."""
    nameless = report.page.evaluate(
        """() => [...document.querySelectorAll(
                'a[href], button, input, select, summary, [tabindex="0"]')]
            .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length
                               || one.getAttribute('aria-labelledby')))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []


TEXTS = ["ink", "muted", "faint", "link", "warning-ink", "critical", "incident-ink"]
MARKS = ["line", "ok", "unknown", "warning", "critical"]
CONTRAST = """(NAMES) => {
    const channel = (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
    const luminance = (text) => {
        const canvas = document.createElement('canvas').getContext('2d');
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] =
            [...canvas.getImageData(0, 0, 1, 1).data].map((one) => channel(one / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const colour = (name) => {
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.color = `var(--${name})`;
        const found = getComputedStyle(probe).color;
        probe.remove();
        return luminance(found);
    };
    const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const papers = {
        critical: ['paper', 'critical-wash'], warning: ['paper', 'warning-wash'],
        'warning-ink': ['paper', 'warning-wash'],
        muted: ['paper', 'raised', 'warning-wash', 'critical-wash'],
    };
    return Object.fromEntries(NAMES.map((name) => [name, Math.min(
        ...(papers[name] ?? ['paper', 'raised']).map((paper) => ratio(colour(name), colour(paper))),
    )]));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out(browser: Browser, path: Path, scheme: str) -> None:
    """Text has a contrast of 4.5 (WCAG 2.2, 1.4.3), lines and marks of 3 (1.4.11)."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(path.as_uri())
    texts, marks = page.evaluate(CONTRAST, TEXTS), page.evaluate(CONTRAST, MARKS)
    page.close()
    assert {name: ratio for name, ratio in texts.items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in marks.items() if ratio < 3} == {}


def test_the_page_fits_a_telephone(browser: Browser, path: Path) -> None:
    """On 390 pixels nothing makes the page itself scroll sideways."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(path.as_uri())
    page.wait_for_selector(DRAWN, timeout=TIMEOUT)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_no_error_and_no_request(report: Opened, path: Path) -> None:
    """After everything above the console is silent and nothing but the file was asked for."""
    assert report.console == []
    assert [one for one in report.requests if not one.startswith("data:")] == [path.as_uri()]
