"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const element = (tag, text = "", name = "") =>
    Object.assign(document.createElement(tag), { textContent: text, className: name });

  // Theme: automatic, light, dark. A file may be denied storage; then the choice lasts as long as the page.
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["automatic", "light", "dark"];
  const storage = {
    read: () => { try { return localStorage.getItem("mlmon-theme"); } catch { return null; } },
    write: (theme) => { try { localStorage.setItem("mlmon-theme", theme); } catch { /* not kept */ } },
  };
  const applyTheme = (theme) => {
    if (theme === "automatic") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  let theme = themes.includes(storage.read()) ? storage.read() : "automatic";
  applyTheme(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    storage.write(theme);
    applyTheme(theme);
  });

  // Values and times as the rest of the page writes them.
  const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  const full = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const digits = { format: (number) => (Math.abs(number) >= 1000 ? full : three).format(number) };
  const clock = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC",
  });
  const time = (ms) => clock.format(ms).replace(",", "");
  const value = (figure, number) => {
    if (number === null || number === undefined) return "–";
    if (figure.dataset.share === "1") return `${digits.format(100 * number)} %`;
    return `${digits.format(number)} ${figure.dataset.unit}`.trim();
  };

  // Charts: drawn when they come near the screen, and the rest while the browser is idle, so that print has them all.
  const charts = new Map();
  const specOf = (figure) => JSON.parse(figure.querySelector(".spec").textContent);
  const draw = async (figure) => {
    if (charts.has(figure)) return;
    const spec = specOf(figure);
    const chart = { rows: spec.datasets.rows.filter((row) => row.d), alarms: spec.datasets.alarms, view: null, at: -1 };
    charts.set(figure, chart);
    const plot = figure.querySelector(".plot");
    const { view } = await vegaEmbed(plot, spec, {
      mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false, tooltip: false,
    });
    plot.querySelector("svg").setAttribute("aria-hidden", "true");
    chart.view = view;
    chart.cursor = plot.appendChild(element("div", "", "cursor"));
    chart.cursor.hidden = true;
    figure.dataset.drawn = "1";
  };
  const folded = (figure) => figure.closest("details.quiet:not([open])") !== null;
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "600px" });
  const idle = window.requestIdleCallback ?? ((task) => setTimeout(task, 30));
  const drawRest = async () => {
    const next = all("figure.chart").find((figure) => !charts.has(figure) && !folded(figure));
    if (next) { await draw(next); idle(drawRest); } else document.body.dataset.charts = "drawn";
  };
  all("figure.chart").forEach((figure) => near.observe(figure));
  idle(drawRest);
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.quiet[open]")) all("figure.chart", event.target).forEach(draw);
    if (event.target.matches("details.data[open]")) fillTable(event.target.closest("figure"), event.target);
  }, true);

  // One cursor for all charts: a moment pointed at in one is shown in every other.
  const nearest = (rows, ms) => {
    let low = 0, high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].t < ms) low = middle + 1; else high = middle;
    }
    return low > 0 && ms - rows[low - 1].t < rows[low].t - ms ? low - 1 : low;
  };
  const alarmOf = (chart, row) =>
    chart.alarms.find((alarm) => alarm.t <= row.t && alarm.t > row.t - 1000 * row.d);
  const sentence = (figure, chart, row) => {
    const alarm = alarmOf(chart, row);
    const spread = row.h !== undefined ? ` (${value(figure, row.l)} to ${value(figure, row.h)})` : "";
    const reason = alarm?.r ?? row.r ?? "";
    return `${time(row.t)} · ${value(figure, row.v)}${spread}${row.s ? ` · ${row.s}` : ""}${reason ? ` · ${reason}` : ""}`;
  };
  const showAt = (ms) => {
    for (const chart of charts.values()) {
      if (!chart.view) continue;
      chart.cursor.hidden = ms === null;
      if (ms !== null) chart.cursor.style.left = `${chart.view.scale("x")(ms) + chart.view.origin()[0]}px`;
    }
  };
  // Whose reading the cursor shows: another chart that scrolls away below a resting pointer must not hide it.
  let reader = null;
  const readAt = (figure, place) => {
    const chart = charts.get(figure);
    if (!chart?.view || !chart.rows.length) return;
    reader = figure;
    chart.at = Math.max(0, Math.min(chart.rows.length - 1, place));
    const row = chart.rows[chart.at];
    figure.classList.add("focused");
    figure.querySelector(".readout").textContent = sentence(figure, chart, row);
    requestAnimationFrame(() => showAt(row.t));
  };
  const rest = (figure) => {
    const readout = figure.querySelector(".readout");
    readout.textContent = readout.dataset.rest;
    figure.classList.remove("focused");
    if (reader === figure) requestAnimationFrame(() => showAt(null));
  };
  for (const figure of all("figure.chart")) {
    const plot = figure.querySelector(".plot");
    plot.addEventListener("pointermove", (event) => {
      const chart = charts.get(figure);
      // Scrolling moves charts below a pointer that rests: that is nobody pointing.
      if (!chart?.view || (event.movementX === 0 && event.movementY === 0)) return;
      const x = event.clientX - plot.getBoundingClientRect().left - chart.view.origin()[0];
      readAt(figure, nearest(chart.rows, +chart.view.scale("x").invert(x)));
    });
    plot.addEventListener("pointerleave", () => rest(figure));
    plot.addEventListener("blur", () => rest(figure));
    plot.addEventListener("keydown", (event) => {
      const chart = charts.get(figure);
      if (!chart) return;
      const last = chart.rows.length - 1;
      const from = chart.at < 0 ? last + 1 : chart.at;
      const place = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
      if (place === undefined) return;
      event.preventDefault();
      readAt(figure, place);
    });
  }

  // The table behind a chart, made when it is opened.
  const fillTable = (figure, details) => {
    if (details.querySelector("table")) return;
    const { rows, alarms } = specOf(figure).datasets;
    const names = ["Until (UTC)", "Windows", "Median", "Least", "Greatest", "Interval", "Severity", "Reason"];
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const name of names) head.append(Object.assign(element("th", name), { scope: "col" }));
    const body = table.createTBody();
    for (const row of rows.filter((one) => one.d)) {
      const line = body.insertRow();
      const alarm = alarmOf({ alarms }, row);
      const cells = [
        time(row.t), row.n ?? 1, value(figure, row.v), value(figure, row.l ?? row.v), value(figure, row.h ?? row.v),
        row.i === undefined ? "" : `${value(figure, row.i)} to ${value(figure, row.j)}`, row.s ?? "ok", alarm?.r ?? row.r ?? "",
      ];
      for (const cell of cells) line.insertCell().textContent = cell;
    }
    const scroll = element("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.append(table);
    details.append(scroll);
  };

  // A link to a chart that is folded away opens what hides it.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details.quiet:not([open])");
    if (fold) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // The filter of the alerts.
  const filter = document.getElementById("filter");
  if (filter) {
    const [text, analyzer, severity, count] =
      ["text", "analyzer", "severity", "count"].map((name) => document.getElementById(`filter-${name}`));
    const lines = all("table.alerts tbody tr").map((line) => ({ line, text: line.textContent.toLowerCase() }));
    const apply = () => {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { line, text: content } of lines) {
        const fits = (!analyzer.value || line.dataset.analyzer === analyzer.value)
          && (!severity.value || line.dataset.severity === severity.value)
          && words.every((word) => content.includes(word));
        line.hidden = !fits;
        shown += fits;
      }
      count.textContent = shown === lines.length ? `${shown} rows` : `${shown} of ${lines.length} rows`;
    };
    filter.addEventListener("input", apply);
    filter.addEventListener("submit", (event) => event.preventDefault());
  }
})();
