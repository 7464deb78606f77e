import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, Problem } from '@seal/foundation';
import * as z from 'zod';
import type { Caller } from '../identity/caller.ts';
import type { Enrolment } from '../identity/enrolment.ts';
import { RateLimit } from './rate-limit.ts';
import { readJsonBody } from './read-body.ts';

export interface EnrolRoutesOptions {
  readonly enrolment: Pick<Enrolment, 'enrol' | 'renew'>;
  readonly clock: Clock;
  readonly logger: { info(fields: object, message: string): void };
  /** Per address. Default: 20 at once, then 2 per second. */
  readonly enrolRate?: { readonly burst: number; readonly perSecond: number };
  /** Enrolments and renewals that are being read or signed at the same time. Default 32. */
  readonly enrolmentsMax?: number;
}

const bodyLimits = { bytes: 64 * 1024, milliseconds: 10_000 };
const renewBody = z.strictObject({ csr: z.string().max(16_384) });

/** POST /v1/enrol and /v1/renew, with what keeps strangers from wearing the server out. */
export class EnrolRoutes {
  readonly #options: EnrolRoutesOptions;
  readonly #rate: RateLimit;
  #running = 0;

  constructor(options: EnrolRoutesOptions) {
    this.#options = options;
    this.#rate = new RateLimit({ clock: options.clock, ...(options.enrolRate ?? { burst: 20, perSecond: 2 }) });
  }

  /** Problems: RATE_LIMITED, REQUEST_INVALID and those of `Enrolment.enrol`. */
  async enrol(request: IncomingMessage, response: ServerResponse, address: string): Promise<void> {
    this.#rate.take(address);
    await this.#oneOfFew(async () => {
      const { enrolment, logger, clock } = this.#options;
      const body = await readJsonBody(request, { ...bodyLimits, clock });
      try {
        const reply = await enrolment.enrol(body, address);
        logger.info({ node: reply.nodeId, name: reply.nodeName, address }, 'node enrolled');
        sendJson(response, reply);
      } catch (error) {
        if (error instanceof Problem) logger.info({ code: error.code, address }, 'enrolment refused');
        throw error;
      }
    });
  }

  /** For an agent whose certificate expired while it was off. Problems: PERMISSION_DENIED and those of `Enrolment.renew`. */
  async renew(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> {
    if (caller.nodeId === undefined)
      throw new Problem('PERMISSION_DENIED', `${caller.name} is no agent; this path is for agents`);
    const { nodeId } = caller;
    await this.#oneOfFew(async () => {
      const body = renewBody.safeParse(await readJsonBody(request, { ...bodyLimits, clock: this.#options.clock }));
      if (!body.success) throw new Problem('REQUEST_INVALID', `the renewal is not valid: ${z.prettifyError(body.error)}`);
      sendJson(response, await this.#options.enrolment.renew(nodeId, body.data.csr));
    });
  }

  async #oneOfFew(work: () => Promise<void>): Promise<void> {
    const most = this.#options.enrolmentsMax ?? 32;
    if (this.#running >= most) throw new Problem('RATE_LIMITED', `${most} enrolments are in flight already`);
    this.#running += 1;
    try {
      await work();
    } finally {
      this.#running -= 1;
    }
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}
