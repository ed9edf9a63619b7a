/**
 * Owns drawing an edge as an arc: a narrow band along a quadratic curve, made of short pieces. It fills as few pixels as a
 * straight line; a curve cut out of a box around it fills the box, which a browser without a graphics processor feels.
 */

import { EdgeProgram } from "sigma/rendering";
import { floatColor } from "sigma/utils";

/** Straight pieces of an arc: at their joints it bends by less than four degrees, which is not seen. */
const PIECES = 12;

const { UNSIGNED_BYTE, FLOAT, TRIANGLE_STRIP } = WebGLRenderingContext;

const UNIFORMS = /** @type {const} */ (["u_matrix", "u_sizeRatio", "u_correctionRatio", "u_pixelRatio", "u_minEdgeThickness", "u_feather"]);

// Thicknesses follow sigma's own straight edges, so that both kinds of edge compare.
const VERTEX_SHADER = /* glsl */ `
attribute vec2 a_source;
attribute vec2 a_target;
attribute float a_thickness;
attribute float a_bend;
attribute vec4 a_color;
attribute float a_share;
attribute float a_side;

uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_correctionRatio;
uniform float u_pixelRatio;
uniform float u_minEdgeThickness;
uniform float u_feather;

varying vec4 v_color;
varying float v_side;
varying float v_feather;
varying float v_share;

void main() {
  vec2 way = a_target - a_source;
  vec2 aside = a_bend * vec2(-way.y, way.x);
  vec2 middle = a_source + a_share * way + 2.0 * a_share * (1.0 - a_share) * aside;
  vec2 ahead = way + 2.0 * (1.0 - 2.0 * a_share) * aside;
  vec2 normal = vec2(-ahead.y, ahead.x) / max(length(ahead), 1e-9);
  float reach = max(a_thickness, u_minEdgeThickness * u_sizeRatio) * u_correctionRatio / u_sizeRatio;
  gl_Position = vec4((u_matrix * vec3(middle + a_side * reach * normal, 1.0)).xy, 0.0, 1.0);
  v_color = a_color;
  v_color.a *= 255.0 / 254.0;
  v_side = a_side;
  v_share = a_share;
  v_feather = min(1.0, 2.0 * u_feather * u_correctionRatio / u_pixelRatio / reach);
}
`;

const FRAGMENT_SHADER = /* glsl */ `
precision mediump float;

varying vec4 v_color;
varying float v_side;
varying float v_feather;

void main() {
  gl_FragColor = v_color * (1.0 - smoothstep(1.0 - v_feather, 1.0, abs(v_side)));
}
`;

/** Strokes of a dashed arc: the eye counts none of them, and sees that it is broken. */
const DASHES = 9;

const DASHED_FRAGMENT_SHADER = /* glsl */ `
precision mediump float;

varying vec4 v_color;
varying float v_side;
varying float v_feather;
varying float v_share;

void main() {
  if (fract(v_share * ${DASHES}.0) > 0.6) discard;
  gl_FragColor = v_color * (1.0 - smoothstep(1.0 - v_feather, 1.0, abs(v_side)));
}
`;

/** Both sides of the band at each joint, as [share of the way, side]. */
function band() {
  return Array.from({ length: PIECES + 1 }, (_, joint) => [[joint / PIECES, 1], [joint / PIECES, -1]]).flat();
}

/** Bends by the edge's `curvature`: the curve's control point is that share of the distance aside of the middle. */
export class ArcProgram extends EdgeProgram {
  getDefinition() {
    return {
      VERTICES: 2 * (PIECES + 1),
      VERTEX_SHADER_SOURCE: VERTEX_SHADER,
      FRAGMENT_SHADER_SOURCE: FRAGMENT_SHADER,
      METHOD: TRIANGLE_STRIP,
      UNIFORMS,
      ATTRIBUTES: [
        { name: "a_source", size: 2, type: FLOAT },
        { name: "a_target", size: 2, type: FLOAT },
        { name: "a_thickness", size: 1, type: FLOAT },
        { name: "a_bend", size: 1, type: FLOAT },
        { name: "a_color", size: 4, type: UNSIGNED_BYTE, normalized: true },
      ],
      CONSTANT_ATTRIBUTES: [{ name: "a_share", size: 1, type: FLOAT }, { name: "a_side", size: 1, type: FLOAT }],
      CONSTANT_DATA: band(),
    };
  }

  /**
   * @param {number} _ @param {number} at where the edge's numbers begin in `array`
   * @param {import("sigma/types").NodeDisplayData} source @param {import("sigma/types").NodeDisplayData} target
   * @param {any} edge its display data, and `curvature`
   */
  processVisibleItem(_, at, source, target, { size, curvature, color }) {
    this.array.set([source.x, source.y, target.x, target.y, size, curvature, floatColor(color)], at);
  }

  /** @param {import("sigma/types").RenderParams} params @param {import("sigma/rendering").ProgramInfo<typeof UNIFORMS[number]>} program */
  setUniforms(params, { gl, uniformLocations: at }) {
    gl.uniformMatrix3fv(at.u_matrix, false, params.matrix);
    gl.uniform1f(at.u_sizeRatio, params.sizeRatio);
    gl.uniform1f(at.u_correctionRatio, params.correctionRatio);
    gl.uniform1f(at.u_pixelRatio, params.pixelRatio);
    gl.uniform1f(at.u_minEdgeThickness, params.minEdgeThickness);
    gl.uniform1f(at.u_feather, params.antiAliasingFeather);
  }
}

/** An arc, or a straight line where it does not bend, in strokes. */
export class DashedArcProgram extends ArcProgram {
  getDefinition() {
    return { ...super.getDefinition(), FRAGMENT_SHADER_SOURCE: DASHED_FRAGMENT_SHADER };
  }
}
