import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeHub, fakeHub, gitHash, sha256 } from '../../../test/fake-hub.ts';
import { saveOfficialFolder, savePromptEncoder } from '../../../test/official-folder.ts';
import { checkModel, type EspalierEvent, loadModel, readWeights } from '../index.ts';
import { hubCacheFolder } from './cache-layout.ts';
import { isHubId } from './hub-id.ts';
import { type HubOptions, hubRepository } from './repository.ts';
import { storedToken } from './stored-token.ts';

const ID = 'owner/some-model';
const COMMIT = '1234567890abcdef1234567890abcdef12345678';
const LARGE = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const SMALL = new TextEncoder().encode('{"a": 1}');

let hub: FakeHub;
let cache: string;
let events: EspalierEvent[];
beforeEach(async () => {
  hub = await fakeHub();
  cache = mkdtempSync(join(tmpdir(), 'espalier-hub-'));
  events = [];
  hub.repositories.set(ID, {
    commit: COMMIT,
    files: new Map([
      ['config.json', SMALL],
      ['ckpts/weights.safetensors', LARGE],
      ['ckpts/same.safetensors', LARGE],
    ]),
    large: /\.safetensors$/,
    branches: ['main', 'refs/pr/1'],
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const options = (): HubOptions => ({
  endpoint: `${hub.endpoint}/`,
  cache,
  offline: false,
  token: 'secret',
  stallMs: 600,
  attempts: 3,
  pauseMs: 1,
  onEvent: (event) => events.push(event),
});
const weights = () => hubRepository(ID, options()).find('ckpts/weights.safetensors');
const root = () => join(cache, 'models--owner--some-model');
const blobs = () => readdirSync(join(root(), 'blobs'));
const requests = (part: string) => hub.log.filter((line) => line.includes(part));

test('a file lands in the standard layout: content by hash, a link in the snapshot, the branch as a commit', async () => {
  const path = (await weights()) as string;
  expect(path).toBe(join(root(), 'snapshots', COMMIT, 'ckpts/weights.safetensors'));
  expect(Buffer.compare(readFileSync(path), LARGE)).toBe(0);
  expect(readlinkSync(path)).toBe(join('..', '..', '..', 'blobs', sha256(LARGE)));
  expect(readFileSync(join(root(), 'refs/main'), 'utf8')).toBe(COMMIT);
  expect(blobs()).toEqual([sha256(LARGE)]);
  const small = (await hubRepository(ID, options()).find('config.json')) as string;
  expect(readlinkSync(small)).toBe(join('..', '..', 'blobs', gitHash(SMALL)));
});

test('the token goes to the Hub and never to the host of the bytes', async () => {
  await weights();
  expect(requests('hub').every((line) => line.endsWith(' token'))).toBe(true);
  expect(requests('cdn')).toHaveLength(1);
  expect(requests('cdn')[0]).not.toContain('token');
});

test('what is there is not fetched again, and files of the same content are fetched once', async () => {
  const repository = hubRepository(ID, options());
  await repository.find('ckpts/weights.safetensors');
  await repository.find('ckpts/same.safetensors');
  expect(requests('cdn')).toHaveLength(1);
  const asked = hub.log.length;
  await repository.find('ckpts/weights.safetensors');
  expect(hub.log.length).toBe(asked); // the session knows the commit
  await hubRepository(`${ID}@${COMMIT}`, options()).find('config.json');
  await hubRepository(`${ID}@${COMMIT}`, options()).find('config.json');
  expect(hub.log.length).toBe(asked + 2); // once asked and fetched; a commit never changes
});

test('a cache that the Hub’s own tools filled is used as it is', async () => {
  const snapshot = join(root(), 'snapshots', COMMIT);
  for (const folder of [join(root(), 'blobs'), join(root(), 'refs'), snapshot]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(root(), 'blobs', gitHash(SMALL)), SMALL);
  symlinkSync(`../../blobs/${gitHash(SMALL)}`, join(snapshot, 'config.json'));
  writeFileSync(join(root(), 'refs/main'), `${COMMIT}\n`);
  const offline = hubRepository(ID, { ...options(), offline: true });
  expect(readFileSync((await offline.find('config.json')) as string)).toEqual(Buffer.from(SMALL));
  expect(await offline.find('ckpts/weights.safetensors')).toBeUndefined();
  expect(hub.log).toEqual([]);
});

test('a file that the repository lacks is none, not an error', async () => {
  expect(await hubRepository(ID, options()).find('nothing.json')).toBeUndefined();
});

test('all files of a session are of one commit, though the branch moves', async () => {
  const repository = hubRepository(ID, options());
  await repository.find('config.json');
  const moved = { ...hub.repositories.get(ID)!, commit: 'f'.repeat(40) };
  hub.repositories.set(ID, { ...moved, branches: ['main', COMMIT] });
  await repository.find('ckpts/weights.safetensors');
  expect(requests(`HEAD hub /${ID}/resolve/${COMMIT}/ckpts/weights.safetensors`)).toHaveLength(1);
});

test('other revisions are asked for by name; a moved repository is followed', async () => {
  hub.repositories.set('former/name', { commit: COMMIT, files: new Map(), movedTo: ID });
  const path = (await hubRepository('former/name@refs/pr/1', options()).find('config.json')) as string;
  expect(readFileSync(path)).toEqual(Buffer.from(SMALL));
  expect(readFileSync(join(cache, 'models--former--name/refs/refs/pr/1'), 'utf8')).toBe(COMMIT);
});

test('a small file that is answered from the Hub’s own cache is of the commit of the first answer', async () => {
  hub.repositories.get(ID)!.cachesSmallFiles = true;
  const path = (await hubRepository(ID, options()).find('config.json')) as string;
  expect(path).toBe(join(root(), 'snapshots', COMMIT, 'config.json'));
  expect(readFileSync(path)).toEqual(Buffer.from(SMALL));
});

test.each<[string, FakeHub['faults']]>([
  ['a connection that breaks', ['cut', 'fine']],
  ['an answer that ends early', ['short', 'fine']],
  ['a transfer that stalls', ['stall', 'fine']],
  ['a server that is busy', [503, 'fine']],
  ['all of them in a row, each bringing something', ['cut', 'stall', 'short', 'fine']],
])('%s is taken up where it ended', async (_, faults) => {
  hub.faults.push(...faults);
  const path = (await weights()) as string;
  expect(sha256(readFileSync(path))).toBe(sha256(LARGE));
  expect(blobs()).toEqual([sha256(LARGE)]);
  const ranged = requests('cdn').filter((line) => line.includes('bytes='));
  expect(ranged).toHaveLength(faults.length - (faults[0] === 503 ? 2 : 1));
});

test.each<[string, FakeHub['faults']]>([
  ['sends the whole file', ['cut', 'whole']],
  ['sends another range', ['cut', 'other-range', 'fine']],
  ['refuses the range', ['cut', 416, 'fine']],
  ['sends too much', ['long', 'fine']],
  ['sends bytes of another file, then the right ones', ['cut', 'wrong', 'fine']],
])('a server that %s leads to the right file all the same', async (_, faults) => {
  hub.faults.push(...faults);
  expect(sha256(readFileSync((await weights()) as string))).toBe(sha256(LARGE));
  expect(blobs()).toEqual([sha256(LARGE)]);
});

test('bytes that are wrong as often as they come are refused and not kept', async () => {
  hub.faults.push('wrong', 'wrong');
  await expect(weights()).rejects.toThrow(
    new RegExp(
      `the bytes have the hash [0-9a-f]{64}, expected ${sha256(LARGE)}\\. They were damaged on the way and are deleted`,
    ),
  );
  expect(blobs()).toEqual([]);
  hub.faults.length = 0;
  hub.faults.push('wrong');
  await expect(hubRepository(ID, options()).find('config.json')).rejects.toThrow(`expected ${gitHash(SMALL)}`);
});

test('what an interrupted run left is gone on from by the next, its own or that of a process that died', async () => {
  hub.faults.push('cut', 500, 500, 500);
  await expect(weights()).rejects.toThrow(
    /answered 500 for owner\/some-model, 3 times in a row\. What has arrived is kept/,
  );
  const [part] = blobs();
  expect(part).toBe(`${sha256(LARGE)}.part`);
  const came = lstatSync(join(root(), 'blobs', part)).size;
  expect(came).toBeGreaterThan(0); // on a busy machine the connection breaks before all that was sent is read
  expect(came).toBeLessThanOrEqual(LARGE.length / 2);
  await weights();
  expect(hub.log.at(-1)).toContain(`bytes=${came}-`);

  const dead = `${gitHash(SMALL)}.${hostname().replace(/[^\w-]/g, '') || 'host'}-999999999-abcdef.part`;
  const alive = dead.replace('999999999', String(process.ppid));
  writeFileSync(join(root(), 'blobs', dead), SMALL.subarray(0, 3));
  writeFileSync(join(root(), 'blobs', alive), 'of another');
  await hubRepository(ID, options()).find('config.json');
  expect(hub.log.at(-1)).toContain('bytes=3-');
  expect(blobs().sort()).toEqual([sha256(LARGE), gitHash(SMALL), alive].sort());
});

test('several who want the same file at once get it from one transfer', async () => {
  const paths = await Promise.all([weights(), weights(), weights()]);
  expect(new Set(paths).size).toBe(1);
  expect(requests('cdn')).toHaveLength(1);
});

test('an abort ends a transfer with its reason, and what came is kept', async () => {
  hub.faults.push('stall');
  const stop = new AbortController();
  const running = hubRepository(ID, {
    ...options(),
    stallMs: 60_000,
    signal: stop.signal,
    onEvent: (e) => e.kind === 'step' && e.step >= 1 && stop.abort(new Error('enough')),
  }).find('ckpts/weights.safetensors');
  await expect(running).rejects.toThrow('enough');
  expect(blobs()).toEqual([`${sha256(LARGE)}.part`]);
  await weights();
  expect(blobs()).toEqual([sha256(LARGE)]);
});

test('events tell megabytes and the end', async () => {
  await weights();
  const steps = events.filter((e) => e.kind === 'step');
  expect(steps.at(-1)).toEqual({
    kind: 'step',
    stage: 'download',
    step: 3,
    of: 3,
    note: 'MB of ckpts/weights.safetensors',
  });
  expect(events.at(-1)).toMatchObject({ kind: 'done', stage: 'download', summary: 'ckpts/weights.safetensors, 3 MB' });
});

test('a Hub that does not answer is not waited for twice: the cache serves, with a warning', async () => {
  await weights();
  hub.statuses.push(503, 503, 503);
  const repository = hubRepository(ID, options());
  expect(await repository.find('ckpts/weights.safetensors')).toBe(
    join(root(), 'snapshots', COMMIT, 'ckpts/weights.safetensors'),
  );
  const asked = hub.log.length;
  expect(await repository.find('config.json')).toBeUndefined();
  expect(hub.log.length).toBe(asked);
  expect(events.filter((e) => e.kind === 'warning')).toHaveLength(1);
});

test('a busy Hub is asked again', async () => {
  hub.statuses.push(503, 429, 200);
  expect(await hubRepository(ID, options()).find('config.json')).toBeDefined();
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'no such repository',
    () => hubRepository('owner/none', options()).find('a'),
    /owner\/none: there is no such model, or the token may not see it/,
  ],
  [
    'a private one without a token',
    () => {
      hub.repositories.get(ID)!.needs = { token: 'other' };
      return hubRepository(ID, { ...options(), token: '' }).find('config.json');
    },
    /there is no such model, or it is private: set HF_TOKEN/,
  ],
  [
    'a gated one',
    () => {
      hub.repositories.get(ID)!.needs = { token: 'other', gated: true };
      return hubRepository(ID, options()).find('config.json');
    },
    /access is restricted\. Ask for it on that page, then set HF_TOKEN/,
  ],
  ['no such revision', () => hubRepository(`${ID}@v9`, options()).find('a'), /has no revision "v9"/],
  [
    'a Hub that is down and nothing kept',
    () => {
      hub.statuses.push(500, 500, 500);
      return hubRepository(ID, options()).find('config.json');
    },
    /is not in the Hugging Face cache, and cannot be fetched: .*answered 500/,
  ],
  [
    'an address that is none',
    () => hubRepository(ID, { ...options(), endpoint: 'hub' }).find('a'),
    /HF_ENDPOINT must be an address/,
  ],
  [
    'a host that is none',
    () => hubRepository(ID, { ...options(), endpoint: 'http://127.0.0.1:9' }).find('a'),
    /cannot be fetched: http:\/\/127\.0\.0\.1:9: \S+/,
  ],
  [
    'a server that is no Hub',
    () => {
      hub.repositories.get(ID)!.commit = 'not a commit';
      hub.repositories.get(ID)!.branches = ['main'];
      return hubRepository(ID, options()).find('config.json');
    },
    /lacks the commit or the etag that a Hub gives .*Check HF_ENDPOINT/,
  ],
  [
    'a repository that moved in circles',
    () => {
      hub.repositories.get(ID)!.movedTo = ID;
      return hubRepository(ID, options()).find('config.json');
    },
    /sends "owner\/some-model" round in circles/,
  ],
  [
    'a path that leaves the repository',
    () => hubRepository(ID, options()).find('../../x'),
    /lies outside the model folder/,
  ],
])('%s is an error that says what to do', async (_, ask, message) => {
  await expect(ask()).rejects.toThrow(message);
});

test.each([
  ['owner/name', true],
  ['owner/na.me-2_x', true],
  ['owner/name@main', true],
  ['owner/name@refs/pr/1', true],
  ['owner/name@../../x', false],
  ['owner/name@a//b', false],
  ['owner/..', false],
  ['owner/na--me', false],
  ['../name', false],
  ['owner/name/more', false],
  ['owner', false],
  ['owner/name@', false],
  ['C:\\a/b', false],
])('%s: a Hub id? %s', (text, claim) => {
  expect(isHubId(text)).toBe(claim);
});

test('the environment says where the cache is, who asks, and whether to ask', async () => {
  expect(hubCacheFolder({ HF_HUB_CACHE: '/c', HF_HOME: '/h' })).toBe('/c');
  expect(hubCacheFolder({ HF_HOME: '/h' })).toBe(join('/h', 'hub'));
  expect(hubCacheFolder({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'huggingface', 'hub'));
  expect(await storedToken({ HF_TOKEN: ' t ' })).toBe('t');
  writeFileSync(join(cache, 'token'), 'kept\n');
  expect(await storedToken({ HF_HOME: cache })).toBe('kept');
  expect(await storedToken({ HF_HOME: join(cache, 'none') })).toBeUndefined();
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_TOKEN', 'secret');
  expect(await hubRepository(ID).find('config.json')).toBeDefined();
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const asked = hub.log.length;
  expect(await hubRepository(ID).find('config.json')).toBeDefined();
  expect(hub.log.length).toBe(asked);
});

/** All files below a folder as a repository. */
function publish(id: string, folder: string, without = /^$/): void {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => lstatSync(join(folder, name)).isFile() && !without.test(name),
  );
  const files = new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
  hub.repositories.set(id, {
    commit: sha256(new TextEncoder().encode(id)).slice(0, 40),
    files,
    large: /\.safetensors$/,
  });
}

test('a text model of the Hub is loaded whole: its decoder from another repository, its encoder from a third', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-publish-'));
  const [text, picture, encoder] = ['text', 'picture', 'encoder'].map((name) => join(folder, name));
  const models = { sparse_structure_decoder: 'owner/picture-model/ckpts/decoder' };
  await saveOfficialFolder(text, { takes: 'text', withEncoder: false, models });
  await saveOfficialFolder(picture, { takes: 'image', withEncoder: false });
  savePromptEncoder(encoder, 'text');
  publish('owner/text-model', text, /decoder/);
  publish('owner/picture-model', picture);
  publish('openai/clip-vit-large-patch14', encoder);
  const model = await loadModel('owner/text-model', { hub: options() });
  expect(await model.networks.sparse_structure_decoder.fetch()).toContain('models--owner--picture-model');
  expect(await model.networks.text_cond_model?.fetch()).toContain('models--openai--clip-vit-large-patch14');
  await checkModel(model);
  const asked = hub.log.length;
  await loadModel('owner/text-model', { hub: { ...options(), offline: true } });
  expect(hub.log.length).toBe(asked);
});

test('a model can be looked at without fetching its weights, each of which then comes when it is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-publish-'));
  await saveOfficialFolder(folder, { takes: 'image', encoder: 'owner/encoder', withEncoder: false });
  const encoder = mkdtempSync(join(tmpdir(), 'espalier-publish-'));
  savePromptEncoder(encoder, 'image');
  publish('owner/model', folder);
  publish('owner/encoder', encoder);
  const model = await loadModel('owner/model', { hub: options(), fetch: 'later' });
  const { sparse_structure_flow_model: flow, sparse_structure_decoder: decoder } = model.networks;
  expect(flow.at).toBe('owner/model/ckpts/flow.safetensors');
  expect(requests('cdn')).toHaveLength(3);
  expect(requests('cdn').every((line) => line.endsWith('bytes=0-131071'))).toBe(true);
  hub.faults.push('cut');
  const weights = await readWeights(flow);
  expect(Object.keys(weights)).toHaveLength(Object.keys(flow.shapes).length);
  expect(requests('cdn')).toHaveLength(5);
  hub.repositories.delete('owner/model');
  await checkModel({ networks: { flow } });
  expect(decoder.bytes).toBeGreaterThan(10_000);
});

test('a header that does not fit is an error before anything large is fetched', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-publish-'));
  await saveOfficialFolder(folder, { takes: 'image' });
  publish('owner/model', folder);
  const { files } = hub.repositories.get('owner/model')!;
  files.set('ckpts/flow.safetensors', files.get('ckpts/decoder.safetensors')!);
  await expect(loadModel('owner/model', { hub: options() })).rejects.toThrow(
    /owner\/model\/ckpts\/flow\.safetensors: "input_layer\.weight" must be \[32, 512\], found \[8, 8, 3, 3, 3\]/,
  );
  expect(requests('cdn').every((line) => line.endsWith('bytes=0-131071'))).toBe(true);
});
