import { describeTarget, type ServerTarget } from '../credentials/context.ts';
import { ClusterServiceService } from '../gen/seal/v1/cluster.ts';
import { ImageServiceService, type PulledImage, type PullImageRequest } from '../gen/seal/v1/image.ts';
import { NodeServiceService } from '../gen/seal/v1/node.ts';
import { OperationServiceService } from '../gen/seal/v1/operation.ts';
import { ServerServiceService } from '../gen/seal/v1/server.ts';
import { TokenServiceService } from '../gen/seal/v1/token.ts';
import { type BlobSender, blobSender } from './blob-sender.ts';
import { openChannel } from './channel.ts';
import { type PullImageOptions, pullImage } from './pull-image.ts';
import { type UnaryCalls, unaryCalls } from './unary-calls.ts';
import { type WatchItem, type WatchOptions, watchOperation } from './watch-operation.ts';

/** Everything an operator can ask of a server. Calls reject with Problems only: those the server sent, SERVER_UNREACHABLE, TIMEOUT. */
export interface SealClient {
  /** The server's address as people read it. */
  readonly target: string;
  readonly clusters: UnaryCalls<typeof ClusterServiceService>;
  readonly operations: UnaryCalls<typeof OperationServiceService>;
  readonly nodes: UnaryCalls<typeof NodeServiceService>;
  readonly tokens: UnaryCalls<typeof TokenServiceService>;
  readonly images: UnaryCalls<typeof ImageServiceService>;
  readonly server: UnaryCalls<typeof ServerServiceService>;
  readonly blobs: BlobSender;
  /** Lets the server bring an image of a registry into its store; aborting the signal stops it. */
  pullImage(request: PullImageRequest, options?: PullImageOptions): Promise<PulledImage>;
  /** Plan, events and outputs of an operation until it has finished; survives a restart of the server. */
  watch(operation: string, options?: WatchOptions): AsyncGenerator<WatchItem, void, undefined>;
  close(): void;
}

/** A client for the target. Nothing is sent before the first call. Problems: CREDENTIALS_EXPIRED, CONTEXT_INVALID. */
export function connect(target: ServerTarget): SealClient {
  const channel = openChannel(target);
  const address = describeTarget(target);
  const blobs = blobSender(target);
  return {
    target: address,
    clusters: unaryCalls(channel, ClusterServiceService, address),
    operations: unaryCalls(channel, OperationServiceService, address),
    nodes: unaryCalls(channel, NodeServiceService, address),
    tokens: unaryCalls(channel, TokenServiceService, address),
    images: unaryCalls(channel, ImageServiceService, address),
    server: unaryCalls(channel, ServerServiceService, address),
    blobs,
    pullImage: (request, options) => pullImage(channel, address, request, options),
    watch: (operation, options) => watchOperation(channel, address, operation, options),
    close() {
      blobs.close();
      channel.close();
    },
  };
}
