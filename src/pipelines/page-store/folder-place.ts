import type { HubOptions } from '../hub/repository.ts';
import { type HubAccess, PassingError, readFrom } from '../hub/request.ts';
import type { Listing, Place } from './kept-source.ts';

/**
 * A model folder on a web server. A file `SHA256SUMS` in it, as `sha256sum` writes it, says what the others must be;
 * what it does not list, or all when there is none, is taken as the server sends it.
 * @param address  of the folder
 */
export function folderPlace(address: string, { stallMs = 30_000, signal }: HubOptions): Place {
  const base = address.endsWith('/') ? address : `${address}/`;
  const access: HubAccess = {
    endpoint: new URL(base).origin,
    stallMs,
    signal,
    refusal: ({ status, url }) =>
      status === 429 || status >= 500
        ? new PassingError(`${url}: answered ${status}`)
        : status === 404
          ? new NoSuchFile(`${url}: there is no such file.`)
          : new Error(`${url}: answered ${status}. Check the address, and that the page may read it.`),
  };
  const url = (path: string) => new URL(path.split('/').map(encodeURIComponent).join('/'), base).href;
  return {
    name: base,
    access,
    async list(): Promise<Listing> {
      const text = await textOf(access, url(SUMS), base);
      const files = new Map<string, Listing['files'] extends ReadonlyMap<string, infer F> ? F : never>();
      if (text === undefined) return { files, isWhole: false, url };
      for (const line of text.split(/\r?\n/)) {
        const [, hex, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/.exec(line) ?? [];
        if (path !== undefined) files.set(path, { hash: { kind: 'sha256', hex } });
        else if (line.trim() !== '')
          throw new Error(
            `${url(SUMS)}: expected lines "<sha-256>  <path>", got ${JSON.stringify(line.slice(0, 80))}. Write it with sha256sum.`,
          );
      }
      return { files, isWhole: false, url };
    },
  };
}

const SUMS = 'SHA256SUMS';

class NoSuchFile extends Error {}

/** A small text file; undefined where there is none, or a server has a page in its place. */
async function textOf(access: HubAccess, url: string, name: string): Promise<string | undefined> {
  try {
    const answer = await readFrom(access, { url, commit: '', etag: '' }, 0, name);
    try {
      const decoder = new TextDecoder();
      let text = '';
      for (let part = await answer.next(); part && text.length < MOST; part = await answer.next())
        text += decoder.decode(part, { stream: true });
      return /^\s*</.test(text) ? undefined : text;
    } finally {
      answer.done();
    }
  } catch (error) {
    if (error instanceof NoSuchFile) return undefined;
    throw error;
  }
}

const MOST = 2 ** 20;
