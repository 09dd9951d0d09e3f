//! Series, written to the encoder of a scrape.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::instrument::Told;

/// The labels of a series: names and values of fixed lists.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What a scrape is written to. Names are whole, but for `_total`, which the encoder adds to counters.
pub(super) struct Out<'e>(pub(super) DescriptorEncoder<'e>);

impl Out<'_> {
    /// A counter without labels.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// A counter by labels.
    pub(super) fn counters<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl Iterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// A gauge without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A gauge by labels.
    pub(super) fn gauges<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl Iterator<Item = (Labels<N>, f64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A histogram without labels.
    pub(super) fn histogram(&mut self, name: &str, help: &str, told: &Told) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(told.sum, told.count, &told.buckets, None)
    }

    /// A histogram by labels.
    pub(super) fn histograms<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl Iterator<Item = (Labels<N>, Told)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, told) in rows {
            let mut encoder = encoder.encode_family(&labels)?;
            encoder.encode_histogram::<NoLabelSet>(told.sum, told.count, &told.buckets, None)?;
        }
        Ok(())
    }

    /// What does not change, as labels.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: &impl EncodeLabelSet) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(labels)
    }
}
