import type { Configured, Settings } from '@nihao/service'
import type { Endpoint } from '@nihao/wire'
import type { CommonValues, ModeName } from './common.ts'

/** A target with the settings that apply to it. */
export interface TargetConfig<Values extends CommonValues = CommonValues> extends Configured<Values, Endpoint> {
  /** The target's unique name in metrics, logs and reports. */
  readonly label: string
}

/** The configuration of a mode: only its own settings. */
export type ModeConfig<Name extends ModeName, Values extends CommonValues> = Values & {
  readonly mode: Name
  readonly targetConfigs: readonly TargetConfig<Values>[]
}

/** A mode of the command line. */
export interface Mode<Name extends ModeName, Values extends CommonValues> {
  readonly name: Name
  /** One sentence for `--help`. */
  readonly summary: string
  readonly settings: Settings<Values>
  /** Returns the problems of a target and its settings. */
  readonly validateTarget?: (target: Configured<Values, Endpoint>) => readonly string[]
  /** Returns invalid combinations of settings. */
  readonly validate?: (values: Values) => readonly string[]
}
