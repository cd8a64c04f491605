//! A decision as theatre: the gates one after the other, then the scores plugin by plugin, then the winner. Only what was
//! decided is shown, in the order in which it was decided.

use std::sync::Arc;

use crate::frame::{Decision, DecisionColumn, Verdict};

/// A play and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theatre {
    pub decision: Arc<Decision>,
    step: usize,
}

/// What is on the stage now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene<'a> {
    Filter(&'a str),
    /// With the plugin's weight.
    Score(&'a str, i64),
    /// What came of it.
    End,
}

/// What one node shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// It has passed this gate, so far the last.
    Passed(String),
    /// This gate has stopped it.
    Out {
        plugin: String,
        reason: String,
        detail: String,
    },
    /// Its score so far, and what this plugin gave: raw, normalised, weighted.
    Scored {
        plugin: String,
        raw: i64,
        normalised: i64,
        weighted: i64,
        total: i64,
    },
    /// Nothing had to be weighed, or this plugin has no say here.
    Waits {
        total: Option<i64>,
    },
    Won {
        total: Option<i64>,
    },
    Lost {
        total: Option<i64>,
    },
    /// The search ended before its turn came.
    Unseen,
}

impl Theatre {
    pub fn new(decision: Arc<Decision>) -> Theatre {
        Theatre { decision, step: 0 }
    }

    fn gates(&self) -> impl Iterator<Item = &DecisionColumn> {
        self.decision.columns.iter().filter(|it| it.filters)
    }

    fn scorers(&self) -> impl Iterator<Item = &DecisionColumn> {
        self.decision.columns.iter().filter(|it| it.scores)
    }

    /// How many scenes there are, the end among them.
    pub fn length(&self) -> usize {
        self.gates().count() + self.scorers().count() + 1
    }

    pub fn step(&self) -> usize {
        self.step
    }

    pub fn is_over(&self) -> bool {
        self.length() <= self.step + 1
    }

    /// Where no node is left nothing more happens.
    pub fn advance(&mut self) {
        self.step += 1;
        if self.feasible_left() == 0 {
            self.skip();
        }
    }

    pub fn skip(&mut self) {
        self.step = self.length() - 1;
    }

    fn feasible_left(&self) -> usize {
        let out = |verdict: &Verdict| match verdict {
            Verdict::Fits => false,
            Verdict::NotExamined => true,
            Verdict::Rejected { plugin, .. } => self.place(plugin) < self.step,
        };
        self.decision.rows.iter().filter(|it| !out(&it.verdict)).count()
    }

    /// Of a gate.
    fn place(&self, plugin: &str) -> usize {
        self.gates().position(|it| it.plugin == plugin).unwrap_or(0)
    }

    pub fn scene(&self) -> Scene<'_> {
        let gates = self.gates().count();
        if self.is_over() {
            Scene::End
        } else if let Some(column) = self.gates().nth(self.step) {
            Scene::Filter(&column.plugin)
        } else {
            self.scorers().nth(self.step - gates).map_or(Scene::End, |it| Scene::Score(&it.plugin, it.weight))
        }
    }

    pub fn spot(&self, node: &str) -> Option<Spot> {
        let row = self.decision.rows.iter().find(|it| it.node == node)?;
        let gates = self.gates().count();
        let over = self.is_over();
        match &row.verdict {
            Verdict::NotExamined => return Some(Spot::Unseen),
            Verdict::Rejected { plugin, reasons, detail } if over || self.place(plugin) <= self.step => {
                return Some(Spot::Out {
                    plugin: plugin.clone(),
                    reason: reasons.join(", "),
                    detail: detail.clone(),
                });
            }
            Verdict::Rejected { .. } | Verdict::Fits => {}
        }
        if over {
            let total = row.total;
            let won = self.decision.chosen.as_deref() == Some(node);
            return Some(if won { Spot::Won { total } } else { Spot::Lost { total } });
        }
        if self.step < gates {
            return self.gates().nth(self.step).map(|it| Spot::Passed(it.plugin.clone()));
        }
        let done = self.step - gates;
        let so_far = row.scores.iter().take(done + 1).flatten().map(|it| it.weighted).sum();
        let plugin = self.scorers().nth(done).map(|it| it.plugin.clone()).unwrap_or_default();
        Some(match row.scores.get(done).copied().flatten() {
            Some(it) => Spot::Scored {
                plugin,
                raw: it.raw,
                normalised: it.normalised,
                weighted: it.weighted,
                total: so_far,
            },
            None => Spot::Waits { total: (!row.scores.is_empty()).then_some(so_far) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DecisionRow, Score};

    fn column(plugin: &str, filters: bool, scores: bool) -> DecisionColumn {
        DecisionColumn { plugin: plugin.to_owned(), filters, scores, weight: if scores { 2 } else { 0 } }
    }

    fn fits(node: &str, scores: [i64; 2]) -> DecisionRow {
        let score = |it: i64| Some(Score { raw: it, normalised: it, weighted: 2 * it });
        let total = Some(2 * scores.iter().sum::<i64>());
        DecisionRow {
            node: node.to_owned(),
            verdict: Verdict::Fits,
            scores: scores.map(score).to_vec(),
            total,
        }
    }

    fn out(node: &str, plugin: &str) -> DecisionRow {
        let verdict = Verdict::Rejected {
            plugin: plugin.to_owned(),
            reasons: vec!["because".to_owned()],
            detail: String::new(),
        };
        DecisionRow { node: node.to_owned(), verdict, ..DecisionRow::default() }
    }

    fn decision(rows: Vec<DecisionRow>, chosen: Option<&str>) -> Theatre {
        let columns = vec![column("A", true, false), column("B", true, true), column("C", false, true)];
        Theatre::new(Arc::new(Decision {
            columns,
            rows,
            chosen: chosen.map(str::to_owned),
            ..Decision::default()
        }))
    }

    #[test]
    fn gates_then_scores_then_the_winner() {
        let mut play = decision(vec![fits("n1", [1, 2]), fits("n2", [3, 4]), out("n3", "B")], Some("n2"));
        assert_eq!((play.length(), play.scene()), (5, Scene::Filter("A")));
        assert_eq!(play.spot("n3"), Some(Spot::Passed("A".to_owned())));
        play.advance();
        assert_eq!(play.scene(), Scene::Filter("B"));
        assert!(matches!(play.spot("n3"), Some(Spot::Out { .. })));
        play.advance();
        assert_eq!(play.scene(), Scene::Score("B", 2));
        assert!(matches!(play.spot("n1"), Some(Spot::Scored { weighted: 2, total: 2, .. })));
        play.advance();
        assert!(matches!(play.spot("n2"), Some(Spot::Scored { weighted: 8, total: 14, .. })));
        play.advance();
        assert!(play.is_over());
        assert_eq!(play.spot("n2"), Some(Spot::Won { total: Some(14) }));
        assert_eq!(play.spot("n1"), Some(Spot::Lost { total: Some(6) }));
        assert_eq!(play.spot("n4"), None);
    }

    #[test]
    fn ends_with_the_last_node() {
        let mut play = decision(vec![out("n1", "A"), out("n2", "A")], None);
        play.advance();
        assert!(play.is_over());
        assert!(matches!(play.spot("n2"), Some(Spot::Out { .. })));
    }
}
