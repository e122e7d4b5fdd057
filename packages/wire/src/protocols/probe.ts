import { ProbeClient } from '../probe/client-codec.ts'
import { FrameType } from '../probe/frame.ts'
import { encodeMessage } from '../probe/message.ts'
import { ProbeServer } from '../probe/server-codec.ts'
import type { Protocol } from '../protocol.ts'

/** Frames with ids, checksums and the server's times, which show where a message was delayed or corrupted (docs/protocol.md). */
export const probe: Protocol = {
  defaultPort: 7000,
  text: false,
  serverCodec: (options, info, context) => new ProbeServer(options, info, context),
  reject: (reason, limit) => encodeMessage(FrameType.reject, { reason, limit }),
  clientCodec: (options, events) => new ProbeClient(options, events),
}
