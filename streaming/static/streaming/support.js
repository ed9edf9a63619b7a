/* Owns telling old browsers that they are too old; written so that they can read it. */
(function () {
  var script = window.HTMLScriptElement;
  var modern = script && script.supports && script.supports("importmap") && "Worker" in window && "ResizeObserver" in window;
  var notice = document.getElementById("unsupported");
  if (!modern && notice) notice.hidden = false;
})();
