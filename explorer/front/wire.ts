// Made by `python -m explorer.front.build` of pydantic models, see there: not to be edited.

export interface AxisData {
  name: string;
  unit: string;
  first: number;
  last: number;
}

export interface BetaData {
  low: number;
  high: number;
  value: number;
  start: number;
  curve: BetaPointData[];
  image: string | null;
  values: number[] | null;
}

export interface BetaPointData {
  beta: number;
  rate: number;
  distortion: number;
  slope: number;
  kl: number[];
  active: boolean[];
}

export interface ChannelData {
  name: string;
  unit: string;
  offset: number;
  gain: number;
}

export interface DimensionData {
  kl: number | null;
  active: boolean | null;
}

export interface GroupData {
  name: string;
  direction: Record<string, number>;
}

export interface KindData {
  kind: "signal" | "vector";
  channels: ChannelData[];
  axis: AxisData | null;
}

export interface SampleData {
  index: number;
  source: string;
  values: number[] | null;
}

export interface ExplorerData {
  name: string;
  hash: string;
  shape: [number, number, number];
  kind: KindData | null;
  latents: number;
  dims: DimensionData[];
  names: Record<string, string>;
  order: number[];
  locked: number[];
  low: number[];
  high: number[];
  start: number[];
  z: number[];
  seq: number;
  ready: boolean;
  waiting: string;
  picture: string | null;
  samples: SampleData[];
  doubtful: boolean;
  beta: BetaData | null;
  groups: GroupData[];
  version: string;
}

export interface LinksData {
  kl: ([number, number, number | null] | null)[][] | null;
  matched: ([number, number, number | null] | null)[][] | null;
  hand: ([number, number, number | null] | null)[][] | null;
}

export interface SideData {
  name: string;
  label: string;
  problem: string;
  hash: string;
  shape: [number, number, number] | null;
  kind: KindData | null;
  latents: number;
  dims: DimensionData[];
  names: Record<string, string>;
  start: number[];
  z: number[];
  notes: string[];
  input: string | null;
  reconstruction: string | null;
  error: string | null;
  ready: boolean;
  waiting: string;
  picture: string | null;
  doubtful: boolean;
  beta: number | null;
}

export interface ComparisonData {
  models: SideData[];
  key: string;
  link: "kl" | "matched" | "hand";
  links: LinksData;
  about: Record<string, string>;
  why: Record<string, string>;
  z: number[];
  span: number;
  slider: number;
  seq: number;
  version: string;
}

export interface GaussiansData {
  mu: number;
  sigma: number;
  label: string;
  seq: number;
}

export interface ConstrainedData {
  name: string;
  rate: number;
  distortion: number;
  beta: number | null;
  epsilon: number | null;
}

export interface PointData {
  name: string;
  rate: number;
  distortion: number;
  beta: number | null;
}

export interface CurveData {
  name: "epsilon" | "beta";
  value: number;
  limits: [number, number];
  rates: [number, number];
  distortions: [number, number];
  betas: [number, number];
  table: [number, number, number][];
  knots: number[];
  chords: number[];
  points: PointData[];
  constrained: ConstrainedData[];
  slack: number | null;
  label: string;
  seq: number;
}

export interface ScatterData {
  id: string;
  n: number;
  palette: [number, number, number][];
  legend: [string, [number, number, number]][];
  xTitle: string;
  yTitle: string;
  label: string;
  picked: number | null;
  near: number[];
}

export interface ThumbData {
  i: number | null;
  png: string;
  words: string;
}

export interface ExplorerTouch {
  seq: number;
  hash: string;
  z: (number | null)[];
  locked: number[];
  names: Record<string, string>;
  order: number[];
  local: boolean;
  image?: number | null;
  beta?: number | null;
  step?: -1 | 1 | null;
}

export interface ComparisonTouch {
  seq: number;
  key: string;
  t: (number | null)[];
  link: "kl" | "matched" | "hand";
  hand: string[];
  slider: number;
  local: boolean[];
}
