import { stat } from 'node:fs/promises';
import type { OnEvent } from '../events.ts';
import { localFile } from '../local-file.ts';
import { type ModelSource, pathInside } from '../model-source.ts';
import { hubCacheFolder, isCommit, type RepositoryCache, repositoryCache } from './cache-layout.ts';
import { download } from './download.ts';
import { shown } from './download-progress.ts';
import { parseHubId } from './hub-id.ts';
import { patience, patiently } from './patience.ts';
import { askForFile, type HubAccess, PassingError, type RemoteFile, readStart } from './request.ts';
import { storedToken } from './stored-token.ts';

/** Where files of the Hub are kept and how they are fetched. What is not given is as the environment says. */
export interface HubOptions {
  /** the Hugging Face cache; `HF_HUB_CACHE`, `HF_HOME` */
  cache?: string;
  /** `HF_ENDPOINT`, else https://huggingface.co */
  endpoint?: string;
  /** `HF_TOKEN`, else the one stored at log-in */
  token?: string;
  /** take only what is in the cache; `HF_HUB_OFFLINE` */
  offline?: boolean;
  /** a transfer that brings no byte for this long is begun again */
  stallMs?: number;
  /** attempts in a row that bring nothing, before giving up */
  attempts?: number;
  /** before the second attempt; doubles each time */
  pauseMs?: number;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/**
 * A repository of the Hub as a source of files, each fetched when it is asked for, all of one commit.
 * @param name  `owner/name[@revision]`; the revision is `main` when not given
 */
export function hubRepository(name: string, options: HubOptions = {}): ModelSource {
  const { repository, revision } = parseHubId(name);
  const env = process.env;
  const offline = options.offline ?? /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? '');
  const cache = repositoryCache(options.cache ?? hubCacheFolder(), repository);
  let commit: string | undefined; // of this session: found by the first answer
  let access: Promise<HubAccess> | undefined;
  let unreachable: string | undefined; // why the Hub did not answer; it is not waited for again
  /** A file that is here, or what the Hub says of one that is not. */
  const locate = async (path: string): Promise<{ here: string } | { there: RemoteFile } | undefined> => {
    options.signal?.throwIfAborted();
    const inside = pathInside(name, path);
    const found = (here: string | undefined) => (here === undefined ? undefined : { here });
    commit ??= isCommit(revision) ? revision : undefined;
    const kept = commit && (await cache.file(commit, inside));
    if (kept) return { here: kept };
    const away = offline ? 'HF_HUB_OFFLINE is set' : unreachable;
    if (away !== undefined) return found(await cachedFile(cache, name, commit ?? revision, inside, away));
    access ??= accessTo(options);
    let remote: RemoteFile | undefined;
    try {
      remote = await patiently(options, async () => askForFile(await access!, repository, commit ?? revision, inside));
    } catch (error) {
      if (!(error instanceof PassingError)) throw error;
      const known = await cachedFile(cache, name, commit ?? revision, inside, error.message);
      unreachable = error.message;
      options.onEvent?.({
        kind: 'warning',
        stage: 'download',
        message: `${error.message}; taking ${name} as it is in the cache`,
      });
      return found(known);
    }
    if (!remote) return undefined;
    commit ??= remote.commit;
    await cache.rememberCommit(revision, remote.commit);
    const already = await cache.file(remote.commit, inside);
    return already ? { here: already } : { there: remote };
  };
  const fetchFile = async (path: string, remote: RemoteFile): Promise<string> => {
    const inside = pathInside(name, path);
    const blob = cache.blob(remote.etag);
    if (!(await stat(blob).catch(() => undefined)))
      await shown(options, inside, async (onProgress) =>
        download(await access!, remote, blob, repository, { ...patience(options), onProgress }),
      );
    return cache.link(remote.commit, inside, blob);
  };
  return {
    name: offline ? `${name} (what the Hugging Face cache has of it)` : `${name} (on the Hub)`,
    async find(path) {
      const found = await locate(path);
      if (!found) return undefined;
      return 'here' in found ? found.here : fetchFile(path, found.there);
    },
    async look(path) {
      const found = await locate(path);
      if (!found) return undefined;
      if ('here' in found) return localFile(found.here);
      const { there } = found;
      if (there.size === undefined) return localFile(await fetchFile(path, there));
      let known: Uint8Array = new Uint8Array();
      return {
        at: `${repository}/${pathInside(name, path)}`,
        size: there.size,
        async start(length) {
          if (known.length < Math.min(length, there.size!))
            known = await patiently(options, async () =>
              readStart(await access!, there, Math.max(length, USUAL_HEADER), repository),
            );
          return known.subarray(0, length);
        },
        fetch: () => fetchFile(path, there),
      };
    },
  };
}

/** Asked for at once when a file is looked into: the header of the largest official network has 80 kB. */
const USUAL_HEADER = 2 ** 17;

/** A file as an earlier session left it. @throws Error when nothing of the repository is in the cache */
async function cachedFile(
  cache: RepositoryCache,
  name: string,
  revision: string,
  path: string,
  why: string,
): Promise<string | undefined> {
  const commit = await cache.commitOf(revision);
  if (commit && (await cache.hasSnapshot(commit))) return cache.file(commit, path);
  throw new Error(
    `${name}: is not in the Hugging Face cache, and cannot be fetched: ${why}. Fetch it once with a connection.`,
  );
}

async function accessTo({ endpoint, token, stallMs = 30_000, signal }: HubOptions): Promise<HubAccess> {
  const host = endpoint ?? (process.env.HF_ENDPOINT || 'https://huggingface.co');
  if (!URL.canParse(host) || !/^https?:/.test(host))
    throw new Error(`HF_ENDPOINT must be an address such as https://huggingface.co, got "${host}".`);
  const headers = { 'user-agent': 'espalier' };
  return { endpoint: host.replace(/\/+$/, ''), token: token ?? (await storedToken()), stallMs, headers, signal };
}
