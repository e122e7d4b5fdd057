import type { Configured, Settings } from '@nihao/service'
import type { Endpoint } from '@nihao/wire'
import type { CommonValues, ModeName } from './common.ts'

/** A target with the settings that apply to it. */
export interface TargetConfig<Values extends CommonValues = CommonValues> extends Configured<Values, Endpoint> {
  /** The target's name in metrics, logs and reports; no other target has it. */
  readonly label: string
}

/** The configuration of a mode: its own settings and no others. */
export type ModeConfig<Name extends ModeName, Values extends CommonValues> = Values & {
  readonly mode: Name
  readonly targetConfigs: readonly TargetConfig<Values>[]
}

/** A mode as the command line sees it. */
export interface Mode<Name extends ModeName, Values extends CommonValues> {
  readonly name: Name
  /** One sentence for `--help`. */
  readonly summary: string
  readonly settings: Settings<Values>
  /** Problems of a target with its settings. */
  readonly validateTarget?: (target: Configured<Values, Endpoint>) => readonly string[]
  /** Problems of settings with each other. */
  readonly validate?: (values: Values) => readonly string[]
}
