// Moments as a person says them.
const STEPS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
];

export function ago(iso, now = Date.now()) {
  const passed_s = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (passed_s < 10) return "just now";
  for (const [below_s, unit_s, unit] of STEPS)
    if (passed_s < below_s) return `${Math.floor(passed_s / unit_s)} ${unit} ago`;
  const days = Math.floor(passed_s / 86400);
  return days === 1 ? "1 day ago" : days < 60 ? `${days} days ago` : exact(iso);
}

export function exact(iso) {
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
