import { type Clock, canonicalJson, Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import type { ChangeRequest } from './change-request.ts';

/** A plan that somebody wants to review before it is run, with the request it was made from. */
export interface SavedPlan {
  readonly plan: Plan;
  readonly request: ChangeRequest;
  readonly savedBy: string;
  readonly savedAt: number;
}

/** Where saved plans lie. */
export interface SavedPlanRows {
  put(saved: SavedPlan): Promise<void>;
  get(planId: string): Promise<SavedPlan | undefined>;
  remove(planId: string): Promise<void>;
  /** Removes those saved before that time, ms. */
  removeBefore(time: number): Promise<void>;
}

/** How long a saved plan can be applied. */
const savedForMs = 3_600_000;

/** Plans of dry runs, kept for an hour. */
export class SavedPlans {
  readonly #rows: SavedPlanRows;
  readonly #clock: Clock;

  constructor(rows: SavedPlanRows, clock: Clock) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /** Keeps a plan; gives the time until which it can be applied, ms. */
  async save(plan: Plan, request: ChangeRequest, savedBy: string): Promise<number> {
    const savedAt = this.#clock.now();
    await this.#rows.removeBefore(savedAt - savedForMs);
    await this.#rows.put({ plan, request, savedBy, savedAt });
    return savedAt + savedForMs;
  }

  /** Problem: PLAN_NOT_FOUND, also when it has expired. */
  async get(planId: string): Promise<SavedPlan> {
    const saved = await this.#rows.get(planId);
    if (!saved) throw new Problem('PLAN_NOT_FOUND', `there is no saved plan "${planId}"`);
    const age = Math.round((this.#clock.now() - saved.savedAt) / 1000);
    if (age * 1000 >= savedForMs)
      throw new Problem('PLAN_NOT_FOUND', `plan ${planId} was saved ${age} s ago and has expired (after ${savedForMs / 1000} s)`);
    return saved;
  }

  async remove(planId: string): Promise<void> {
    await this.#rows.remove(planId);
  }
}

/** Compares a saved plan with the one that the same request gives now. Problem: PLAN_STALE saying what moved. */
export function refuseStale(saved: Plan, now: Plan): void {
  if (saved.baseRevision !== now.baseRevision)
    throw new Problem(
      'PLAN_STALE',
      `plan ${saved.id} was made for revision ${saved.baseRevision} of cluster ${saved.cluster}, which is at ${now.baseRevision} now`,
    );
  if (same(saved, now)) return;
  const before = new Map(saved.phases.map((phase) => [phase.name, phase]));
  const after = new Map(now.phases.map((phase) => [phase.name, phase]));
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => !same(before.get(name), after.get(name)));
  const what = changed.length > 0 ? `these phases differ: ${changed.join(', ')}` : 'its nodes or its summary differ';
  throw new Problem(
    'PLAN_STALE',
    `what was seen of the nodes or the image has changed since plan ${saved.id} was made; ${what}`,
    {
      details: { phases: changed },
    },
  );
}

function same(a: unknown, b: unknown): boolean {
  // A plan that was stored has lost its undefined fields.
  const plain = (value: unknown) => (value === undefined ? '' : canonicalJson(JSON.parse(JSON.stringify(value))));
  return plain(a) === plain(b);
}
