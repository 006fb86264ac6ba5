import type { z } from 'zod';
import { wholeFile } from '../tensor/index.ts';

/** Larger files are not configurations. */
const MOST_BYTES = 64 * 2 ** 20;

/** Content of a JSON file, not yet trusted. @throws Error naming the file when it is missing, large or no JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path}: is not JSON (${(error as Error).message}).`);
  }
}

/** Content of a text file. @throws Error naming the file when it is missing or large */
export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await wholeFile(path, MOST_BYTES));
}

/** `value` as the schema has it. @throws Error naming the file and the field */
export function parsed<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${path}: ${issue.path.join('.') || 'content'}: ${issue.message}.`);
}
