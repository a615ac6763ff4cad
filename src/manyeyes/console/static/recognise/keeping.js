// Pictures that are not done live in this page only, so it must not load itself anew while somebody works with it. The
// page library does so when it comes back to a master that was restarted; here the page then goes on without its socket.

/**
 * @param {() => boolean} isHolding whether there is something to lose.
 * @param {() => void} onCutOff the master has forgotten this page.
 */
export function keepPage(isHolding, onCutOff) {
  const { socket } = window;
  const popup = document.getElementById("popup");
  socket.off("connect_error");
  socket.off("try_reconnect");
  const forgotten = () => {
    if (!isHolding()) return location.reload();
    socket.disconnect();
    if (popup) popup.ariaHidden = "true";
    onCutOff();
  };
  socket.on("try_reconnect", forgotten);
  socket.on("connect_error", (error) => {
    if (error.message === "Implicit handshake failed") forgotten();
  });
}
