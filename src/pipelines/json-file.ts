import { readFile } from 'node:fs/promises';
import type { z } from 'zod';

/** Larger files are not configurations. */
const MOST_BYTES = 64 * 2 ** 20;

/** Content of a JSON file, not yet trusted. @throws Error naming the file when it is missing, large or no JSON */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  if (bytes.length > MOST_BYTES) throw new Error(`${path}: has ${bytes.length} bytes, expected a small JSON file.`);
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new Error(`${path}: is not JSON (${(error as Error).message}).`);
  }
}

/** `value` as the schema has it. @throws Error naming the file and the field */
export function parsed<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${path}: ${issue.path.join('.') || 'content'}: ${issue.message}.`);
}
