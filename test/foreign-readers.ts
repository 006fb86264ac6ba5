/**
 * Readers by other people, in plain data: what we write must mean to them what it means to us. Packages without types are
 * loaded by name, so that none are asked for.
 */

export interface ForeignMesh {
  readonly positions: Float32Array; // [V, 3], axes of the file
  readonly normals?: Float32Array;
  readonly uvs?: Float32Array; // v up
  readonly colors?: Float32Array; // [V, 3] or [V, 4], linear
  readonly indices?: ArrayLike<number>; // absent: three vertices in a row are a triangle
  readonly materialName: string;
  readonly materialColor: readonly number[]; // linear
  readonly isDoubleSided: boolean;
}

interface ThreeAttribute {
  readonly count: number;
  readonly itemSize: number;
  getComponent(row: number, column: number): number; // interleaved and normalised ones, too
}
interface ThreeGeometry {
  readonly attributes: Record<string, ThreeAttribute | undefined>;
  readonly index: { readonly array: ArrayLike<number> } | null;
}
interface ThreeMaterial {
  readonly name: string;
  readonly color: { r: number; g: number; b: number };
  readonly side: number;
}
interface ThreeObject {
  updateMatrixWorld(force: boolean): void;
  traverse(visit: (object: ThreeMeshObject) => void): void;
}
interface ThreeMeshObject {
  readonly isMesh?: boolean;
  readonly geometry: ThreeGeometry & { clone(): ThreeGeometry & { applyMatrix4(matrix: unknown): void } };
  readonly material: ThreeMaterial;
  readonly matrixWorld: unknown;
}

const load = async <T>(name: string): Promise<T> => (await import(/* @vite-ignore */ name)) as T;
const threeLoader = (name: string) => `three/examples/jsm/loaders/${name}.js`;

export async function threeObj(text: string): Promise<ForeignMesh[]> {
  const { OBJLoader } = await load<{ OBJLoader: new () => { parse(text: string): ThreeObject } }>(
    threeLoader('OBJLoader'),
  );
  return meshesOf(new OBJLoader().parse(text));
}

/** Names and colours of an MTL file. */
export async function threeMtl(text: string): Promise<{ name: string; kd?: string; map_kd?: string; d?: string }[]> {
  const { MTLLoader } = await load<{
    MTLLoader: new () => { parse(text: string, path: string): { materialsInfo: Record<string, { name: string }> } };
  }>(threeLoader('MTLLoader'));
  return Object.values(new MTLLoader().parse(text, '').materialsInfo);
}

export async function threeStl(bytes: Uint8Array): Promise<ForeignMesh> {
  const { STLLoader } = await load<{ STLLoader: new () => { parse(data: ArrayBuffer): ThreeGeometry } }>(
    threeLoader('STLLoader'),
  );
  return meshOf(new STLLoader().parse(bufferOf(bytes)));
}

export async function threePly(bytes: Uint8Array): Promise<ForeignMesh> {
  const { PLYLoader } = await load<{ PLYLoader: new () => { parse(data: ArrayBuffer): ThreeGeometry } }>(
    threeLoader('PLYLoader'),
  );
  return meshOf(new PLYLoader().parse(bufferOf(bytes)));
}

export async function threeUsdz(bytes: Uint8Array): Promise<ForeignMesh[]> {
  const { USDLoader } = await load<{ USDLoader: new () => { parse(data: ArrayBuffer): ThreeObject } }>(
    threeLoader('USDLoader'),
  );
  return meshesOf(new USDLoader().parse(bufferOf(bytes)));
}

/** Without textures: those need a browser. */
export async function threeGlb(bytes: Uint8Array): Promise<ForeignMesh[]> {
  const { GLTFLoader } = await load<{
    GLTFLoader: new () => {
      setMeshoptDecoder(decoder: unknown): void;
      parseAsync(data: ArrayBuffer, path: string): Promise<{ scene: ThreeObject }>;
    };
  }>(threeLoader('GLTFLoader'));
  const { MeshoptDecoder } = await load<{ MeshoptDecoder: { ready: Promise<void> } }>('meshoptimizer');
  await MeshoptDecoder.ready;
  const loader = new GLTFLoader();
  loader.setMeshoptDecoder(MeshoptDecoder);
  return meshesOf((await loader.parseAsync(bufferOf(bytes), '')).scene);
}

function meshesOf(root: ThreeObject): ForeignMesh[] {
  const meshes: ForeignMesh[] = [];
  root.updateMatrixWorld(true);
  root.traverse((object) => {
    if (!object.isMesh) return;
    const geometry = object.geometry.clone();
    geometry.applyMatrix4(object.matrixWorld);
    meshes.push(meshOf(geometry, object.material));
  });
  return meshes;
}

function meshOf({ attributes, index }: ThreeGeometry, material?: ThreeMaterial): ForeignMesh {
  const floats = (name: string) => {
    const attribute = attributes[name];
    if (!attribute) return undefined;
    const { count, itemSize } = attribute;
    return Float32Array.from({ length: count * itemSize }, (_, i) =>
      attribute.getComponent(Math.floor(i / itemSize), i % itemSize),
    );
  };
  return {
    positions: floats('position')!,
    normals: floats('normal'),
    uvs: floats('uv'),
    colors: floats('color'),
    indices: index?.array,
    materialName: material?.name ?? '',
    materialColor: material?.color ? [material.color.r, material.color.g, material.color.b] : [],
    isDoubleSided: material?.side === 2,
  };
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** A Gaussian as another program reads it, axes of the file. */
export interface ForeignSplat {
  readonly mean: readonly number[];
  readonly scale: readonly number[]; // linear
  readonly rotation: readonly number[]; // w, x, y, z
  readonly color: readonly number[]; // r, g, b, opacity, each 0 … 255
  readonly rest: readonly number[]; // higher harmonics as the program lays them out
}

interface KelloggArray {
  readonly splats: readonly number[][];
}

/** @mkkellogg/gaussian-splats-3d, a viewer. */
export async function kelloggSplats(bytes: Uint8Array, kind: 'ply' | 'splat', degree = 0): Promise<ForeignSplat[]> {
  const { PlyParser, SplatParser } = await load<{
    PlyParser: { parseToUncompressedSplatArray(data: ArrayBuffer, degree: number): KelloggArray };
    SplatParser: { parseStandardSplatToUncompressedSplatArray(data: ArrayBuffer): KelloggArray };
  }>('@mkkellogg/gaussian-splats-3d');
  const { splats } =
    kind === 'ply'
      ? PlyParser.parseToUncompressedSplatArray(bufferOf(bytes), degree)
      : SplatParser.parseStandardSplatToUncompressedSplatArray(bufferOf(bytes));
  return splats.map((row) => ({
    mean: row.slice(0, 3),
    scale: row.slice(3, 6),
    rotation: row.slice(6, 10),
    color: row.slice(10, 14),
    rest: row.slice(14),
  }));
}

export interface ForeignCloud {
  readonly numPoints: number;
  readonly shDegree: number;
  readonly antialiased: boolean;
  readonly positions: Float32Array; // [G, 3]
  readonly scales: Float32Array; // [G, 3], logarithms
  readonly rotations: Float32Array; // [G, 4], x, y, z, w
  readonly alphas: Float32Array; // [G], logits
  readonly colors: Float32Array; // [G, 3], coefficients of degree 0
  readonly sh: Float32Array; // [G, K, 3]
  readonly extensions: readonly unknown[];
}

interface SpzLibrary {
  readonly CoordinateSystem: Record<string, unknown>;
  loadSpzFromBuffer(data: Uint8Array, options: { to: unknown }): ForeignCloud;
  saveSpzToBuffer(cloud: ForeignCloud, options: object): Uint8Array;
}

/** The SPZ format's own C++ library as WebAssembly, axes of the file. */
async function spzLibrary(): Promise<SpzLibrary> {
  return (await load<{ default(): Promise<SpzLibrary> }>('@adobe/spz')).default();
}

export async function readSpzByItsLibrary(bytes: Uint8Array): Promise<ForeignCloud> {
  const library = await spzLibrary();
  return library.loadSpzFromBuffer(bytes, { to: library.CoordinateSystem['UNSPECIFIED'] });
}

export async function writeSpzByItsLibrary(cloud: ForeignCloud, version: 2 | 3 | 4): Promise<Uint8Array> {
  const library = await spzLibrary();
  const from = library.CoordinateSystem['UNSPECIFIED'];
  return library.saveSpzToBuffer(cloud, { from, version, sh1Bits: 5, shRestBits: 4 });
}
