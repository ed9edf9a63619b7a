/* Owns telling old browsers that they are too old; written so that they can read it. */
(function () {
  /* A browser that knows no module workers does not ask for the type; one that asks is stopped before it loads anything. */
  function hasModuleWorkers() {
    var asked = false;
    /** @returns {WorkerType} */
    function stop() { throw new Error("only asked"); }
    try {
      new Worker("", { get type() { asked = true; return stop(); } }).terminate();
    } catch (error) {
      return asked;
    }
    return asked;
  }
  var script = window.HTMLScriptElement;
  var modern = script && script.supports && script.supports("importmap") && "Worker" in window && "ResizeObserver" in window &&
    "findLast" in Array.prototype && hasModuleWorkers();
  var notice = document.getElementById("unsupported");
  if (!modern && notice) notice.hidden = false;
})();
