/** Asking the Hub: who answers, with which right, how long to wait, and what its refusals mean. */

export interface HubAccess {
  /** without a slash at the end */
  endpoint: string;
  token?: string;
  /** ms without a byte after which a transfer counts as dead */
  stallMs: number;
  /** sent with every request besides what it needs; a page sends none, or a server would be asked for leave first */
  headers?: Readonly<Record<string, string>>;
  /** what an answer that is no success means; by default what the Hub means by it */
  refusal?: (response: Response) => Error;
  signal?: AbortSignal;
}

/** What a file is, before its bytes: its repository's commit, and how its content is named there. */
export interface RemoteFile {
  commit: string;
  /** SHA-256 of a large file, git's own SHA-1 of a small one */
  etag: string;
  size?: number;
  url: string;
}

/** Worth another attempt: the network, a busy server, a transfer that stopped. */
export class PassingError extends Error {
  override readonly name = 'PassingError';
}

/** Asks what a file is. Undefined when the repository has no such file. @throws PassingError, and Error when refused */
export async function askForFile(
  access: HubAccess,
  id: string,
  revision: string,
  path: string,
): Promise<RemoteFile | undefined> {
  const at = `${id}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;
  let url = `${access.endpoint}/${at}`;
  let commit = '';
  for (let redirects = 0; ; redirects++) {
    const { response, done } = await send(access, url, 'HEAD', { 'accept-encoding': 'identity' });
    done();
    const { headers, status } = response;
    const location = headers.get('location');
    commit = headers.get('x-repo-commit') ?? commit;
    if (status >= 300 && status < 400 && location) {
      const next = new URL(location, url);
      // On the same host a repository has moved, or a small file is cached; another host has the bytes of a large one.
      if (next.origin === new URL(url).origin && !headers.has('x-linked-etag')) {
        if (redirects >= 5) throw new Error(`${access.endpoint}: sends "${id}" round in circles. Check HF_ENDPOINT.`);
        url = next.href;
        continue;
      }
    } else if (status === 404 && !/Repo|Revision/.test(headers.get('x-error-code') ?? '')) return undefined;
    else if (!response.ok) throw refusal(access, response, id, revision);
    const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');
    if (!/^[0-9a-f]{40}$/.test(commit) || !/^[\w.-]{1,128}$/.test(etag) || /^\.+$/.test(etag))
      throw new Error(
        `${url}: the answer lacks the commit or the etag that a Hub gives (X-Repo-Commit "${commit}", ETag "${etag}"). Check HF_ENDPOINT.`,
      );
    const size = Number(
      headers.get('x-linked-size') ?? (location ? Number.NaN : (headers.get('content-length') ?? Number.NaN)),
    );
    return { commit, etag, size: Number.isSafeInteger(size) && size >= 0 ? size : undefined, url };
  }
}

/** The first `length` bytes of a file, or all when it has fewer. */
export async function readStart(access: HubAccess, file: RemoteFile, length: number, id: string): Promise<Uint8Array> {
  const answer = await readFrom(access, file, 0, id, length);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await answer.next(); part && size < length; part = await answer.next()) {
      parts.push(part);
      size += part.length;
    }
  } finally {
    answer.done(); // a server that sends the whole file is not listened to
  }
  const wanted = Math.min(length, file.size ?? length);
  if (size < wanted) throw new PassingError(`${file.url}: ended after ${size} of ${wanted} bytes`);
  const start = new Uint8Array(wanted);
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, wanted - at);
    start.set(piece, at);
    at += piece.length;
  }
  return start;
}

/** One answer to a GET from byte `from` on; `next` gives its pieces, undefined at the end. `done` lets go of the connection. */
export async function readFrom(access: HubAccess, file: RemoteFile, from: number, id: string, length?: number) {
  const asked = from > 0 || length !== undefined;
  const range: Record<string, string> = asked ? { range: `bytes=${from}-${length ? from + length - 1 : ''}` } : {};
  const sent = await send(access, file.url, 'GET', { 'accept-encoding': 'identity', ...range });
  const { response } = sent;
  if (!response.ok && response.status !== 416) {
    sent.done();
    throw refusal(access, response, id, file.commit);
  }
  const reader = response.body?.getReader();
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { value } = (await reader?.read()) ?? {};
      sent.alive();
      return value;
    } catch (error) {
      throw passing(access, error, sent.stalled());
    }
  };
  return { status: response.status, contentRange: response.headers.get('content-range'), next, done: sent.done };
}

/** Sends one request. Of redirects only those of a GET are followed (the token stays with the first host). */
async function send(access: HubAccess, url: string, method: 'HEAD' | 'GET', headers: Record<string, string>) {
  const { token, stallMs, signal } = access;
  const stop = new AbortController();
  let stalled = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled = true;
      stop.abort();
    }, stallMs);
  };
  const cancel = () => stop.abort();
  const done = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
    stop.abort();
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', cancel);
  alive();
  try {
    const response = await fetch(url, {
      method,
      redirect: method === 'HEAD' ? 'manual' : 'follow',
      headers: { ...headers, ...access.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
      cache: 'no-store', // what is worth keeping is kept by us
      signal: stop.signal,
    });
    alive();
    return { response, alive, done, stalled: () => stalled };
  } catch (error) {
    done();
    throw passing(access, error, stalled);
  }
}

/** A failed transfer, as the caller's own abort or as something to try again. */
function passing({ signal, stallMs, endpoint }: HubAccess, error: unknown, stalled: boolean): unknown {
  if (signal?.aborted) return signal.reason;
  if (stalled) return new PassingError(`${endpoint}: no byte came for ${stallMs / 1000} s`);
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return new PassingError(`${endpoint}: ${cause?.code ?? cause?.message ?? message}`);
}

function refusal(access: HubAccess, response: Response, id: string, revision: string): Error {
  if (access.refusal) return access.refusal(response);
  const { endpoint, token } = access;
  const { status, headers } = response;
  const code = headers.get('x-error-code') ?? '';
  const page = `${endpoint}/${id}`;
  if (status === 429 || status >= 500) return new PassingError(`${endpoint}: answered ${status} for ${id}`);
  if (code === 'GatedRepo' || status === 403)
    return new Error(
      `${page}: access is restricted. Ask for it on that page, then set HF_TOKEN to a token of that account.`,
    );
  if (code === 'RevisionNotFound')
    return new Error(
      `${page}: has no revision "${revision}". Leave out the part after @, or name a branch, tag or commit.`,
    );
  if (status === 401 || code === 'RepoNotFound')
    return new Error(
      `${page}: there is no such model${token ? ', or the token may not see it' : ', or it is private: set HF_TOKEN to a token that may read it'}.`,
    );
  return new Error(`${page}: answered ${status}. Check the name, and HF_ENDPOINT.`);
}
