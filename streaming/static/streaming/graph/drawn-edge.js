/** Owns what an edge of the web and the plane looks like: how strong, how thin, how faint. */

import { BEND } from "./edge-picking.js";
import { passes } from "./graph-model.js";
import { filterOf } from "./look.js";
import { FAINT, SHADES } from "./scene.js";
import { premultiplied } from "../page/colors.js";

/** What remains of an edge that both moments have, where two are compared; what was lost is thinner. */
const [KEPT, LOST_WIDTH] = [0.35, 0.4];

/** What changed is never fainter than this, where edges are many and where they are few, and never so thin there. Shares, pixels. */
const CHANGED = { faintest: 0.4, few: 0.45, thinnest: 1.2 };

/** In the plane agents stand where they do: fainter edges cover less of each other. */
const PLANE_ALPHA = 0.5;

/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */
/** @typedef {ReturnType<typeof edgeAttributes>} EdgeAttributes */

/** What the graph keeps of an edge. @param {EdgeLook} look */
export function edgeAttributes(look) {
  const match = look.kind === "match";
  return { look, type: look.change === "lost" ? "lost" : match ? "match" : "line", curvature: match ? BEND : 0 };
}

/** @param {import("./scene.js").Scene} scene @param {EdgeAttributes} attributes */
export function drawnEdge(scene, attributes) {
  const { look, type, curvature } = attributes;
  const { kind, strength, presence, change } = look;
  const apart = scene.isApart(look);
  // A match is an event of its own, and one of hubs that have dozens of them shall not pale; to have quoted close once in a while is noise.
  const shown = strength ** (kind === "match" ? 0.6 : 1.5);
  // Where edges are few the weak ones are seen as well; in a crowd they would be a fog.
  const seen = (0.06 + 0.16 * presence ** 2 + 0.7 * shown) * (scene.near && !apart ? Math.max(presence, 0.8) : presence) * (scene.look.view === "plane" ? PLANE_ALPHA : 1) * (change === "kept" ? KEPT : 1);
  const changed = change === "gained" || change === "lost";
  const alpha = Math.max(seen * (change === "lost" ? 0.7 : 1), changed ? CHANGED.faintest + CHANGED.few * presence ** 2 : 0) * (apart ? FAINT : 1);
  // In a crowd edges are thinner: without a graphics processor the pixels they cover are most of a drawing's cost.
  const usual = 3.5 * shown * Math.min(1, 1.5 * presence) * (change === "lost" ? LOST_WIDTH : 1);
  const width = Math.max(usual, changed ? CHANGED.thinnest * presence ** 2 : 0);
  return {
    type,
    curvature,
    size: 0.5 + width,
    color: premultiplied(scene.colourOfEdge(look), Math.round(alpha * SHADES) / SHADES),
    hidden: !passes(look, filterOf(scene.look)),
    zIndex: apart ? 0 : 1,
  };
}
