import { Problem } from '@seal/foundation';
import type { ObservedOperation } from './observed-operation.ts';
import type { Prng } from './prng.ts';
import type { ResumeChange, ScenarioOperation } from './scenario.ts';
import type { ServerLife, ServerParts } from './server-life.ts';
import { undoPlan } from './undo-plan.ts';
import type { World } from './world.ts';

/** People who ask for the scenario's operations, cancel some, and resume what failed. They ask again when no answer comes. */
export function sendOperators(world: World): void {
  const prng = world.prng.fork('operators');
  for (const operation of world.scenario.operations) {
    const operator = new Operator(world, operation, prng.fork(operation.plan.id));
    world.operators.push(operator);
    operator.begin();
  }
}

export class Operator {
  readonly #world: World;
  readonly #operation: ScenarioOperation;
  readonly #prng: Prng;
  readonly #resumes: ResumeChange[];
  #rollbacks = 0;
  /** The server whose answer is waited for. */
  #asked: { readonly server: ServerLife; readonly what: string } | undefined;

  constructor(world: World, operation: ScenarioOperation, prng: Prng) {
    this.#world = world;
    this.#operation = operation;
    this.#prng = prng;
    this.#resumes = [...operation.resumes];
  }

  /** What a server that lives has not answered yet. */
  get unanswered(): string | undefined {
    return this.#asked?.server.life.alive ? this.#asked.what : undefined;
  }

  begin(): void {
    const { askedAt, cancelledAt } = this.#operation;
    this.#world.time.after(askedAt, () => this.#look());
    if (cancelledAt !== undefined) this.#world.time.after(cancelledAt, () => this.#cancel());
  }

  /** Looks at what became of the operation and asks for what is missing. */
  #look(): void {
    if (this.#world.time.now >= this.#world.scenario.quietAt) return;
    const found = this.#found();
    if (this.unanswered) this.#world.note('operator', 'waits for an answer');
    else if (!found) this.#start();
    else if (found.view.finishedAt !== undefined && found.view.status !== 'SUCCEEDED') this.#mend(found);
    this.#world.time.after(this.#prng.int(500, 9000), () => this.#look());
  }

  /** It has ended without success: it is resumed, in the end perhaps taken back; that may have to be resumed too. */
  #mend({ id, plan }: ObservedOperation): void {
    const { operations } = this.#world.observer.log;
    const undoing = operations.find((other) => other.plan.id.startsWith(`${plan.id}-undo-`));
    const change = undoing ? undefined : this.#resumes.shift();
    if (undoing?.view.status === 'FAILED' || undoing?.view.status === 'CANCELLED') this.#resume(undoing.id, {});
    else if (change) this.#resume(id, change);
    else if (!undoing && this.#operation.rollsBack && plan.cluster !== '' && this.#rollbacks < 5) this.#rollBack(id);
  }

  #resume(id: string, change: ResumeChange): void {
    const request = { requestedBy: 'operator', ...change };
    this.#ask(`resume ${id} ${JSON.stringify(change)}`, ({ starter }) => starter.resume(id, request));
  }

  #rollBack(id: string): void {
    this.#rollbacks += 1;
    const nth = this.#rollbacks;
    this.#ask(`roll back ${id}`, async ({ starter }) => {
      const { plan, view } = await starter.rollbackable(id);
      const undo = undoPlan(plan, view, Number(plan.id.split('-')[1]), nth);
      if (!undo) return;
      this.#world.observer.learn(undo);
      await starter.start({ plan: undo, rollbackOf: id }, 'operator');
    });
  }

  #start(): void {
    const { plan } = this.#operation;
    const { cluster } = plan;
    const record = {
      name: cluster,
      state: 'installing',
      spec: { hosts: [] },
      imageDigest: '',
      runtime: '',
      runtimeVersion: '',
      members: [],
    };
    const start = ({ starter, records }: ServerParts) => {
      const put = () => [records.put({ ...record, ...records.get(cluster) } as unknown as Parameters<typeof records.put>[0])];
      const { policy, skipNodes } = this.#operation;
      const request = { requestedBy: 'operator', policy, skipNodes };
      return starter.start(cluster === '' ? { plan } : { plan, writes: put }, request);
    };
    this.#ask(`start ${plan.id}`, start);
  }

  #cancel(): void {
    const found = this.#found();
    if (found) this.#ask(`cancel ${found.id}`, ({ starter }) => starter.cancel(found.id, 'operator'));
  }

  #found() {
    return this.#world.observer.log.operations.find(({ plan }) => plan.id === this.#operation.plan.id);
  }

  #ask(what: string, request: (parts: ServerParts) => Promise<unknown>): void {
    const server = this.#world.reachableServer();
    if (!server?.parts) return;
    const asked = { server, what };
    this.#asked = asked;
    const answered = () => {
      if (this.#asked === asked) this.#asked = undefined;
    };
    this.#world.note('operator', what);
    const { parts } = server;
    new Promise((resolve, reject) => server.life.whenAwake(() => request(parts).then(resolve, reject))).then(
      () => {
        answered();
        this.#world.note('operator', `${what}: done`);
      },
      (error: unknown) => {
        answered();
        const { code, message } = Problem.from(error);
        this.#world.note('operator', `${what}: ${code} ${message}`);
        if (code === 'INTERNAL' || code === 'CONFLICT_REVISION')
          this.#world.violated('answer', `${what} was answered with ${code}: ${message}`);
      },
    );
  }
}
