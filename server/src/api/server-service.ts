import type { serverProto } from '@seal/protocol';
import { type ApiContext, unary } from './guarded.ts';

export interface ServerServiceOptions extends ApiContext {
  readonly version: string;
  readonly grpcAddress: string;
  readonly httpsAddress: string;
  readonly startedAt: number;
  readonly epoch: number;
}

export function serverService(options: ServerServiceOptions): serverProto.ServerServiceServer {
  const { version, grpcAddress, httpsAddress, startedAt, epoch } = options;
  return {
    getVersion: unary<serverProto.GetVersionRequest, serverProto.GetVersionReply>(options, async () => ({
      version,
      grpcAddress,
      httpsAddress,
      startedAtMs: startedAt,
      epoch,
    })),
  };
}
