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

  // When findings arrive, the panels are loaded again; the scroll position stays.
  const content = document.getElementById("content");
  const { dashboard, query } = document.body.dataset;
  const look = async () => {
    try {
      const state = await (await fetch("/state")).text();
      if (document.hidden || state === document.getElementById("asked").dataset.state) return;
      const answer = await fetch(`/${dashboard}/content?${query}`);
      if (!answer.ok) return;
      const opened = [...content.querySelectorAll("details[open][id]")].map(({ id }) => id);
      content.innerHTML = await answer.text();
      for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
      window.mlmonDrawPictures(content);
      document.body.dataset.refreshed = state;
    } catch { /* The server does not answer; the next try follows. */ }
  };
  setInterval(look, 5000);
})();
