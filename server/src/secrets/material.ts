import { createHmac, randomBytes } from 'node:crypto';
import { Problem } from '@seal/foundation';
import type { SecretBox } from '@seal/pki';
import type { MaterialSpec, PublicMaterial } from '@seal/runtime';
import type { Store } from '../store/store.ts';

/** Makes one material: its secret half and its public half. */
export type MakeMaterial = (spec: MaterialSpec) => Promise<{ readonly secret: Uint8Array; readonly public: PublicMaterial }>;

/**
 * The secrets of clusters: made before planning, kept encrypted, referred to by plans.
 * A material has one row; `<ref>.key` and `<ref>` give its secret half, `<ref>.crt` and `<ref>.pub` its public half.
 */
export class Material {
  readonly #store: Store;
  readonly #box: SecretBox;
  readonly #make: MakeMaterial;

  constructor(store: Store, box: SecretBox, make: MakeMaterial) {
    this.#store = store;
    this.#box = box;
    this.#make = make;
  }

  /**
   * The public halves of `specs`; makes what is missing and never makes one twice.
   * With `keep` false (a dry run) what is missing is made up for this answer only and nothing is stored.
   */
  async ensure(specs: readonly MaterialSpec[], keep: boolean): Promise<Record<string, PublicMaterial>> {
    const found: Record<string, PublicMaterial> = {};
    for (const spec of specs) {
      if (!(await this.#store.secret(spec.ref))) {
        const made = await this.#make(spec);
        if (!keep) {
          found[spec.ref] = made.public;
          continue;
        }
        const secret = { ref: spec.ref, sealed: this.#box.seal(made.secret, spec.ref), publicJson: JSON.stringify(made.public) };
        await this.#store.commit([{ kind: 'secret', secret }]);
      }
      found[spec.ref] = await this.publicOf(spec.ref);
    }
    return found;
  }

  /**
   * References for texts of a cluster: keyed hashes, so that they are the same for the same text and tell nothing of it. `keep` stores the texts
   * behind them. Without `make` no key is made where there is none yet.
   */
  async textRefs(
    cluster: string,
    texts: readonly string[],
    { keep, make }: { readonly keep: boolean; readonly make: boolean },
  ): Promise<string[]> {
    if (texts.length === 0) return [];
    const keyRef = `cluster/${cluster}/text-key`;
    if (make) await this.ensure([{ ref: keyRef, kind: 'text' }], true);
    const key = (await this.#store.secret(keyRef)) ? await this.resolve(keyRef) : randomBytes(32);
    const kept = texts.map((text) => {
      const hash = createHmac('sha256', key).update(text).digest('hex').slice(0, 32);
      return { ref: `cluster/${cluster}/text/${hash}`, text };
    });
    const secrets = kept.map(({ ref, text }) => ({ ref, sealed: this.#box.seal(Buffer.from(text), ref), publicJson: '{}' }));
    if (keep && make) await this.#store.commit(secrets.map((secret) => ({ kind: 'secret', secret })));
    return kept.map(({ ref }) => ref);
  }

  async publicOf(ref: string): Promise<PublicMaterial> {
    const row = await this.#store.secret(ref);
    if (!row) throw missing(ref);
    return JSON.parse(row.publicJson) as PublicMaterial;
  }

  /** The value behind a reference of a plan. Problem: SECRET_MISSING. */
  async resolve(ref: string): Promise<Uint8Array> {
    const [, base = ref, half] = /^(.*)\.(key|crt|pub)$/.exec(ref) ?? [];
    const row = await this.#store.secret(base);
    if (!row) throw missing(ref);
    if (half === undefined || half === 'key') return this.#box.open(row.sealed, base);
    const material = JSON.parse(row.publicJson) as PublicMaterial;
    const text = half === 'crt' ? material.certificatePem : material.publicKeyPem;
    if (text === undefined) throw missing(ref);
    return Buffer.from(text);
  }
}

function missing(ref: string): Problem {
  return new Problem('SECRET_MISSING', `the secret "${ref}" is not in the store`);
}
