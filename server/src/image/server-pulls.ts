import type { BlobsUnderWay, ImageStore } from '@seal/cluster-image';
import { imageProto } from '@seal/protocol';
import pLimit from 'p-limit';
import { type PullToServer, pullToServer } from './pull-to-server.ts';

/** Each pull moves four blobs at once; more of them would cost memory and speed nothing up. */
const pullsAtOnce = 2;

/** The pulls of one server, whoever asks for them: two at a time, and none brings a blob that another one is bringing. */
export class ServerPulls {
  readonly #store: ImageStore;
  readonly #limit = pLimit(pullsAtOnce);
  readonly #underWay: BlobsUnderWay = new Map();

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /** As pullToServer; one that has to wait is told so. */
  pull(pull: Omit<PullToServer, 'store' | 'underWay'>): ReturnType<typeof pullToServer> {
    if (this.#limit.activeCount >= pullsAtOnce) {
      const warning = 'the server pulls other images; this one waits for its turn';
      pull.onReply(imageProto.PullImageReply.fromPartial({ warning }));
    }
    return this.#limit(() => pullToServer({ ...pull, store: this.#store, underWay: this.#underWay }));
  }
}
