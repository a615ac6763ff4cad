// The page Recognise: pictures in, predicted pictures out. The browser talks to /v1 itself.
export { start } from "./page.js";
