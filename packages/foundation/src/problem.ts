import { type ProblemCode, problemCodes } from './problem-codes.ts';

export interface ProblemOptions {
  /** What the reader should do now, as a full sentence. Defaults to the general remedy of the code. */
  readonly remedy?: string;
  /** Facts for machines and for `-o json`; plain JSON values only. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The plain data of a Problem, as it is stored in events and sent over the wire. */
export interface ProblemData {
  readonly code: ProblemCode;
  readonly message: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * The one error class of Seal. `message` says what, which value, which bound; `remedy` says what to do.
 * Branch on `code`, never on text. Exit code and gRPC status follow from the code (`problemCodes`).
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy ?? problemCodes[code].remedy;
    this.details = options.details ?? {};
  }

  /** The process exit code of sealctl for this problem. */
  get exitCode(): number {
    return problemCodes[this.code].exit;
  }

  toJSON(): ProblemData {
    return { code: this.code, message: this.message, remedy: this.remedy, details: this.details };
  }

  /** Makes a Problem of whatever was thrown; a Problem stays itself, anything else becomes INTERNAL. For use at the border only. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new Problem('INTERNAL', message, { cause: thrown });
  }

  /** The reverse of toJSON; a code that this version does not know becomes INTERNAL with the code in its details. */
  static fromData(data: {
    code: string;
    message: string;
    remedy?: string;
    details?: Readonly<Record<string, unknown>>;
  }): Problem {
    const known = Object.hasOwn(problemCodes, data.code);
    const code = known ? (data.code as ProblemCode) : 'INTERNAL';
    const details = known ? data.details : { ...data.details, unknownCode: data.code };
    return new Problem(code, data.message, { ...(data.remedy ? { remedy: data.remedy } : {}), ...(details ? { details } : {}) });
  }
}
