// Owns that the front page stays current: every 10 s, while somebody looks at it, its blocks are asked for again.
const SECONDS = 10;

async function renew() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const blocks = answer.ok && page.getElementById("front");
    document.body.classList.toggle("out-of-date", !blocks);
    if (blocks) document.getElementById("front").replaceWith(blocks);
  } catch {
    document.body.classList.add("out-of-date"); // the server is away, or the session has ended: what is seen stays
  }
}

setInterval(renew, SECONDS * 1000);
