/**
 * The part of the "Reflect metadata" proposal that tsyringe, which @peculiar/x509 stands on, asks for when it is loaded.
 * Imported for its effect, before @peculiar/x509. Leaves a full polyfill alone where there is one.
 */
type MetadataOf = Map<unknown, unknown>;

const metadataOf = new WeakMap<object, MetadataOf>();

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const metadata = metadataOf.get(target) ?? new Map();
  metadata.set(key, value);
  metadataOf.set(target, metadata);
}

function getOwnMetadata(key: unknown, target: object): unknown {
  return metadataOf.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let owner: object | null = target; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    const own = metadataOf.get(owner);
    if (own?.has(key)) return own.get(key);
  }
  return undefined;
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { defineMetadata, getOwnMetadata, getMetadata });

export {};
