"use strict";
(() => {
  // Theme: automatic, light, dark, as in the report.
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["automatic", "light", "dark"];
  let theme = localStorage.getItem("mlmon-theme") ?? "automatic";
  const apply = () => {
    if (theme === "automatic") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  apply();
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    localStorage.setItem("mlmon-theme", theme);
    apply();
  });

  // A choice takes effect at once; the button is for who types.
  const form = document.getElementById("choose");
  form?.addEventListener("change", () => form.requestSubmit());

  const content = document.getElementById("content");
  const { dashboard, query } = document.body.dataset;

  // A section is asked for when it is opened: most are not.
  const fill = async (section) => {
    const { later } = section.dataset;
    delete section.dataset.later;
    const text = section.querySelector("[role=status]");
    try {
      const answer = await fetch(`/${dashboard}/section/${later}?${query}`);
      if (!answer.ok) throw new Error(answer.statusText);
      text.outerHTML = await answer.text();
    } catch {
      section.dataset.later = later;
      text.textContent = "The server does not answer: close this section and open it again.";
    }
  };
  document.addEventListener("toggle", async ({ target }) => {
    if (!target.matches("details[data-later][open]")) return;
    await fill(target);
    window.mlmonDrawPictures(target);
  }, true);

  // When findings arrive, the panels are loaded again; the scroll position stays.
  const look = async () => {
    try {
      const state = await (await fetch("/state")).text();
      if (document.hidden || state === document.getElementById("asked").dataset.state) return;
      const answer = await fetch(`/${dashboard}/content?${query}`);
      if (!answer.ok) return;
      const opened = [...content.querySelectorAll("details[open][id]")].map(({ id }) => id);
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      for (const id of opened) {
        const section = fresh.content.getElementById(id);
        if (!section) continue;
        section.open = true;
        if (section.dataset.later) await fill(section);
      }
      content.replaceChildren(fresh.content);
      window.mlmonDrawPictures(content);
      document.body.dataset.refreshed = state;
    } catch { /* The server does not answer; the next try follows. */ }
  };
  setInterval(look, 5000);
})();
