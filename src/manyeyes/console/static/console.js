// What pages need in the browser itself: light or dark, and the console's own address.
window.manyeyes = {
  base: document.currentScript.src.replace(/\/static\/console\.js.*$/, "").replace(location.origin, ""),
  nextTheme() {
    const isDark = document.body.classList.contains("body--dark");
    const next = isDark ? "light" : "dark";
    document.cookie = `manyeyes-theme=${next}; path=${this.base}; max-age=31536000; secure; samesite=strict`;
    Quasar.Dark.set(next === "dark");
  },
};
