/** A model that lies elsewhere as a source of files for a page, each kept once it was fetched. */
import type { OnEvent } from '../events.ts';
import { shown } from '../hub/download-progress.ts';
import { patiently } from '../hub/patience.ts';
import type { HubOptions } from '../hub/repository.ts';
import { type HubAccess, PassingError, readStart } from '../hub/request.ts';
import { localFile } from '../local-file.ts';
import { type ModelSource, pathInside } from '../model-source.ts';
import { keptFile, readNote, writeNote } from './kept-files.ts';
import { type DistantBlob, type Hash, receive } from './receive.ts';
import { sha256 } from './sha256.ts';

/** What a place says of its files, asked once. */
export interface Listing {
  /** each file that is listed; `hash` is what its content must be */
  readonly files: ReadonlyMap<string, { readonly hash: Hash; readonly size?: number }>;
  /** whether what is not listed is not there */
  readonly isWhole: boolean;
  url(path: string): string;
}

export interface Place {
  /** how errors name it, and what its files are remembered under */
  readonly name: string;
  readonly access: HubAccess;
  list(): Promise<Listing>;
}

/** What an earlier visit found in a place. */
interface Note {
  files: Record<string, { id: string; size?: number }>;
}

export function keptSource(place: Place, options: HubOptions): ModelSource {
  const { name, access } = place;
  const { signal, onEvent, offline = false } = options;
  const noteName = digest(name);
  let note: Promise<Note> | undefined;
  const remembered = (): Promise<Note> => {
    note ??= loadNote(noteName);
    return note;
  };
  let listing: Promise<Listing> | undefined;
  let unreachable: string | undefined = offline ? 'the page asked for offline' : undefined;

  const remember = async (path: string, id: string, size?: number) => {
    const known = await remembered();
    if (known.files[path]?.id === id) return;
    known.files[path] = { id, size };
    await writeNote(noteName, known);
  };
  /** A file as an earlier visit left it. @throws Error when nothing of the place is kept */
  const asKept = async (path: string, why: string): Promise<string | undefined> => {
    const { files } = await remembered();
    if (Object.keys(files).length === 0)
      throw new Error(
        `${name}: is not kept in this browser, and cannot be fetched: ${why}. Load it once with a connection.`,
      );
    return files[path] && keptFile(files[path].id);
  };
  /** A file that is here, or what there is to know of one that is not. */
  const locate = async (path: string): Promise<{ here: string } | { there: DistantBlob } | undefined> => {
    signal?.throwIfAborted();
    const inside = pathInside(name, path);
    if (unreachable === undefined) {
      try {
        listing ??= patiently(options, () => place.list());
        const { files, isWhole, url } = await listing;
        const listed = files.get(inside);
        if (!listed && isWhole) return undefined;
        const there: DistantBlob | undefined = listed
          ? { id: listed.hash.hex, url: url(inside), hash: listed.hash, size: listed.size }
          : await patiently(options, () => unlisted(access, url(inside)));
        if (!there) return undefined;
        const here = await keptFile(there.id);
        if (here === undefined) return { there };
        await remember(inside, there.id, there.size);
        return { here };
      } catch (error) {
        if (!(error instanceof PassingError)) throw error;
        const kept = await asKept(inside, error.message);
        unreachable = error.message;
        warn(onEvent, `${error.message}; taking ${name} as it is kept in this browser`);
        return kept === undefined ? undefined : { here: kept };
      }
    }
    const kept = await asKept(inside, unreachable);
    return kept === undefined ? undefined : { here: kept };
  };
  const fetchFile = async (path: string, there: DistantBlob): Promise<string> => {
    let here = '';
    await shown(options, path, async (onProgress) => {
      here = await receive(access, there, name, { ...options, onProgress });
    });
    await remember(pathInside(name, path), there.id, there.size);
    return here;
  };
  return {
    name,
    async find(path) {
      const found = await locate(path);
      return found && ('here' in found ? found.here : fetchFile(path, found.there));
    },
    async look(path) {
      const found = await locate(path);
      if (!found) return undefined;
      if ('here' in found) return localFile(found.here, `${name}: ${path}`);
      const size = found.there.size ?? (await patiently(options, () => unlisted(access, found.there.url)))?.size;
      if (size === undefined) return localFile(await fetchFile(path, found.there), found.there.url);
      const there = { ...found.there, size };
      let known: Uint8Array = new Uint8Array();
      return {
        at: there.url,
        size,
        async start(length) {
          const wanted = Math.max(length, USUAL_HEADER);
          if (known.length < Math.min(length, size))
            known = await patiently(options, () => readStart(access, { ...there, commit: '', etag: '' }, wanted, name));
          return known.subarray(0, length);
        },
        fetch: () => fetchFile(path, there),
      };
    },
  };
}

/** Asked for at once when a file is looked into: the header of the largest official network has 80 kB. */
const USUAL_HEADER = 2 ** 17;

/** A file that no list names: what its server says of it. Undefined when there is none. */
async function unlisted({ signal }: HubAccess, url: string): Promise<DistantBlob | undefined> {
  const response = await fetch(url, { method: 'HEAD', cache: 'no-store', signal }).catch((error: Error) => {
    signal?.throwIfAborted();
    throw new PassingError(`${url}: ${error.message}`);
  });
  const { status, headers } = response;
  if (status >= 500 || status === 429) throw new PassingError(`${url}: answered ${status}`);
  if (status === 404 || headers.get('content-type')?.startsWith('text/html')) return undefined; // a page in a file's place
  if (!response.ok) throw new Error(`${url}: answered ${status}. Check the address, and that the page may read it.`);
  const length = headers.get('content-encoding') ? Number.NaN : Number(headers.get('content-length') ?? Number.NaN);
  const version = headers.get('etag') ?? headers.get('last-modified') ?? '';
  const size = Number.isSafeInteger(length) && /\.safetensors$/.test(new URL(url).pathname) ? length : undefined;
  return { id: `url-${digest(`${url} ${version} ${length}`)}`, url, size };
}

async function loadNote(name: string): Promise<Note> {
  const note = (await readNote(name)) as Note | undefined;
  return typeof note?.files === 'object' && note.files !== null ? note : { files: {} };
}

function digest(text: string): string {
  const hash = sha256();
  hash.update(new TextEncoder().encode(text));
  return hash.hex();
}

const warn = (onEvent: OnEvent | undefined, message: string) =>
  onEvent?.({ kind: 'warning', stage: 'download', message });
