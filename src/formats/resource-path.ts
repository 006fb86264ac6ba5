/**
 * Names of files that a model points at. A model is untrusted: it may reach only what lies in its own folder. Symbolic
 * links are the business of whoever opens the file (`loadResource`).
 */
import { ModelError } from './triangle-scene.ts';

/**
 * The path as given, when it stays inside the folder of the model.
 * @param where   what points at it, e.g. 'glTF: images[0]'
 * @param advice  how to mend the model, e.g. 'Export it as GLB.'
 * @throws ModelError for addresses, absolute paths, drive letters and `..`
 */
export function checkedResourcePath(where: string, path: string, advice: string): string {
  const shown = shorten(path);
  if (/^[a-z][a-z0-9+.-]+:/i.test(path) || path.startsWith('//')) {
    throw new ModelError(`${where} points at "${shown}"; only files beside the model are read. ${advice}`);
  }
  const leaves = path.startsWith('/') || path.includes('\\') || path.includes('\0') || path.split('/').includes('..');
  if (leaves || /^[a-z]:/i.test(path)) {
    throw new ModelError(`${where} points at "${shown}", which leaves the folder of the model. ${advice}`);
  }
  return path;
}

/** At most 80 characters of a name from a file, for messages. */
export const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
