/** Is a file what its name says? Asked before a reader takes the bytes of another format for damage of its own. */
import { ModelError } from './triangle-scene.ts';

/** Formats that are known by their first bytes, and the endings that those may have. */
const KINDS: { name: string; endings: readonly string[]; begins: readonly (readonly number[])[] }[] = [
  { name: 'a GLB', endings: ['.glb', '.gltf'], begins: [[...'glTF'].map(byteOf)] },
  { name: 'a PLY', endings: ['.ply'], begins: [[...'ply\n'].map(byteOf), [...'ply\r'].map(byteOf)] },
  { name: 'an SPZ', endings: ['.spz'], begins: [[...'NGSP'].map(byteOf)] },
  { name: 'a gzip stream, as SPZ files are', endings: ['.spz'], begins: [[0x1f, 0x8b, 8]] },
];

/** @throws ModelError when the first bytes are those of another format than the ending's */
export function expectOwnContent(bytes: Uint8Array, extension: string): void {
  const ending = extension.toLowerCase();
  const kind = KINDS.find(({ begins }) => begins.some((magic) => magic.every((value, i) => bytes[i] === value)));
  if (!kind || kind.endings.includes(ending)) return;
  throw new ModelError(
    `the file is named ${ending}, its content is ${kind.name}. Give it the ending ${kind.endings[0]}, or the file that was meant.`,
  );
}

function byteOf(character: string): number {
  return character.charCodeAt(0);
}
