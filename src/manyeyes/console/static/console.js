// What pages need in the browser itself: light or dark, the console's own address, words while the master is away.
window.manyeyes = {
  base: document.currentScript.src.replace(/\/static\/console\.js.*$/, "").replace(location.origin, ""),
  // what comes before /v1: the path below which a proxy serves the master, or nothing
  get api() {
    return this.base.replace(/\/console$/, "");
  },
  nextTheme() {
    const isDark = document.body.classList.contains("body--dark");
    const next = isDark ? "light" : "dark";
    document.cookie = `manyeyes-theme=${next}; path=${this.base}; max-age=31536000; secure; samesite=strict`;
    Quasar.Dark.set(next === "dark");
  },
};
{
  const away = document.getElementById("popup");
  away.setAttribute("role", "alert");
  away.children[0].textContent = "The master does not answer.";
  away.children[1].textContent = "What you see may be out of date; the page updates by itself when the master is back.";
}
