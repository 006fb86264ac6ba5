import { type Shape, sameShape, showShape } from './dim.ts';
import type { Initializer } from './init.ts';
import { node, type Tensor } from './tensor.ts';

/**
 * Where a network asks for its weights, by name, at the place that uses them. The forward function is thereby also the
 * list of weights: after building it, `scope.parameters` holds them in order of first use.
 */
export interface Scope {
  /** The scope one name further: `p.at('blocks.0')`. */
  at(name: string): Scope;
  /** Declares `<prefix>.<name>` of `shape`, or returns it when already declared with the same shape. */
  weight(name: string, shape: Shape, init: Initializer): Tensor;
  readonly parameters: ReadonlyMap<string, Tensor<'parameter'>>;
}

/** An empty scope. Names below it start with `prefix`, when one is given. */
export function scope(prefix = ''): Scope {
  const parameters = new Map<string, Tensor<'parameter'>>();
  const below = (path: string): Scope => ({
    at: (name) => below(path ? `${path}.${name}` : name),
    weight(name, shape, init) {
      const full = path ? `${path}.${name}` : name;
      const known = parameters.get(full);
      if (known) {
        if (!sameShape(known.shape, shape))
          throw new Error(
            `scope: weight "${full}" was declared as ${showShape(known.shape)} and is now asked for as ${showShape(shape)}. One name is one weight; give the second its own.`,
          );
        return known;
      }
      const created = node('parameter', [], { name: full, init }, shape);
      parameters.set(full, created);
      return created;
    },
    parameters,
  });
  return below(prefix);
}
