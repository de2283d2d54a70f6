/* npy.js - the cells of a map from a NumPy file */
/* SPDX-License-Identifier: MIT */

/* { cells: Float32Array [height * width], height, width } of format 1.0, '<f4', C order. */
export function parseNpy(buffer) {
  const bytes = new DataView(buffer);
  if (bytes.getUint32(0) !== 0x934e554d || bytes.getUint16(4) !== 0x5059) throw new Error('not a .npy file');
  const length = bytes.getUint16(8, true);
  const header = new TextDecoder('latin1').decode(new Uint8Array(buffer, 10, length));
  const shape = /'shape':\s*\((\d+),\s*(\d+)\)/.exec(header);
  if (!shape || !header.includes("'<f4'")) throw new Error('not a map of float32');
  const start = 10 + length;
  return { cells: new Float32Array(buffer.slice(start)), height: Number(shape[1]), width: Number(shape[2]) };
}
