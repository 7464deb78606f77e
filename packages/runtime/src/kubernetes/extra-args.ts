import { isTree } from '@seal/clusterfile';

type Tree = Readonly<Record<string, unknown>>;

/** Where kubeadm's documents hold arguments for programs: a map up to v1beta3, a list of {name, value} in v1beta4. */
const places: readonly (readonly string[])[] = [
  ['nodeRegistration', 'kubeletExtraArgs'],
  ['apiServer', 'extraArgs'],
  ['controllerManager', 'extraArgs'],
  ['scheduler', 'extraArgs'],
  ['etcd', 'local', 'extraArgs'],
];

/** `tree` with every list of arguments as a map, so that layers written for different versions can be merged; a repeated name keeps all its values. */
export function argsAsMaps(tree: Tree): Tree {
  return places.reduce((done, place) => change(done, place, toMap), tree);
}

/** `tree` with every map of arguments as the list that v1beta4 wants. */
export function argsAsLists(tree: Tree): Tree {
  return places.reduce((done, place) => change(done, place, toList), tree);
}

/** `tree` with one value per argument, the last: more cannot be said below v1beta4. */
export function argsWithOneValue(tree: Tree): Tree {
  return places.reduce((done, place) => change(done, place, toLast), tree);
}

function change(tree: Tree, [first, ...rest]: readonly string[], how: (value: unknown) => unknown): Tree {
  if (first === undefined || !Object.hasOwn(tree, first)) return tree;
  const value = tree[first];
  if (rest.length === 0) return { ...tree, [first]: how(value) };
  return isTree(value) ? { ...tree, [first]: change(value, rest, how) } : tree;
}

function toMap(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const map: Record<string, unknown> = {};
  for (const item of value as { name: string; value: string }[]) {
    const before = map[item.name];
    map[item.name] = before === undefined ? item.value : [before, item.value].flat();
  }
  return map;
}

function toList(value: unknown): unknown {
  if (!isTree(value)) return value;
  return Object.entries(value).flatMap(([name, item]) => [item].flat().map((one) => ({ name, value: String(one) })));
}

function toLast(value: unknown): unknown {
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, Array.isArray(item) ? item.at(-1) : item]));
}
