mod harness;
mod timelines;
