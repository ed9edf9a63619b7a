/** Owns asking the server for JSON and for paths of one market. */

export class ApiError extends Error {
  /** @param {number} status 0 when there was no answer @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** @param {string} path @param {string} symbol @param {Record<string, string | number>} [parameters] */
export function marketPath(path, symbol, parameters = {}) {
  const query = new URLSearchParams({ ...parameters, symbol });
  return `${path}?${query}`;
}

/** @param {Response} response @returns {Promise<ApiError>} the server's own words where it gave some */
export async function errorOf(response) {
  const body = await response.json().catch(() => null);
  const { code = "http_error", message = `the server answered ${response.status} ${response.statusText}`.trim() } = body?.error ?? {};
  return new ApiError(response.status, code, message);
}

/**
 * @param {string} url @param {RequestInit} [options]
 * @returns {Promise<Response>} an answer that is ok; anything else throws ApiError
 */
export async function get(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw new ApiError(0, "unreachable", "the server cannot be reached");
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** @param {string} url @param {RequestInit} [options] @returns {Promise<any>} */
export async function getJSON(url, options) {
  return (await get(url, options)).json();
}

/** With this long no answer, the page goes on without it. */
const ID_MS = 2000;

/** The id of the recording that a market has now. @param {string} symbol @returns {Promise<string | null>} null where nothing tells */
export async function recordingOf(symbol) {
  const asked = get(marketPath("/range", symbol, { t1: 0 }), { method: "HEAD", signal: AbortSignal.timeout(ID_MS) });
  // What is wrong shows in everything else the page asks for.
  const answer = await asked.catch(() => null);
  return answer?.headers.get("Market-Camera-Store") ?? null;
}
