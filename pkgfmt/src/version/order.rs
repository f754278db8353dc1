//! The orders that versions can be compared in, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::manifest::VersionOrder;

/// An order of versions: those that packages have ([`VersionOrder`]), and that of PiSi 1.x, in which no package
/// is compared any more and which only explains old histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Numbers and words.
    Plain,
    /// PiSi 2.x.
    Pisi,
    /// PiSi 1.x.
    Pisi1,
    /// Entropy and Portage.
    Entropy,
    /// Debian.
    Debian,
}

impl Order {
    /// Every order.
    pub const ALL: [Order; 5] = [Order::Plain, Order::Pisi, Order::Pisi1, Order::Entropy, Order::Debian];

    /// Its name, for example `pisi1`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Order::Plain => "plain",
            Order::Pisi => "pisi",
            Order::Pisi1 => "pisi1",
            Order::Entropy => "entropy",
            Order::Debian => "debian",
        }
    }
}

impl From<VersionOrder> for Order {
    fn from(order: VersionOrder) -> Order {
        match order {
            VersionOrder::Plain => Order::Plain,
            VersionOrder::Pisi => Order::Pisi,
            VersionOrder::Entropy => Order::Entropy,
            VersionOrder::Debian => Order::Debian,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl VersionOrder {
    /// Every order that a package can have.
    pub const ALL: [VersionOrder; 4] =
        [VersionOrder::Plain, VersionOrder::Pisi, VersionOrder::Entropy, VersionOrder::Debian];

    /// Its name, for example `pisi`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Order::from(self).name()
    }
}

impl fmt::Display for VersionOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What [`Order::from_str`] and [`VersionOrder::from_str`] refuse: a word that names no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownOrder {
    /// No order has this name.
    #[error("a version order is 'plain', 'pisi', 'pisi1', 'entropy' or 'debian'")]
    Any,
    /// No order of packages has this name.
    #[error("a version order is 'plain', 'pisi', 'entropy' or 'debian'")]
    OfPackages,
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(name: &str) -> Result<Self, UnknownOrder> {
        Order::ALL.into_iter().find(|order| order.name() == name).ok_or(UnknownOrder::Any)
    }
}

impl FromStr for VersionOrder {
    type Err = UnknownOrder;

    fn from_str(name: &str) -> Result<Self, UnknownOrder> {
        VersionOrder::ALL.into_iter().find(|order| order.name() == name).ok_or(UnknownOrder::OfPackages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_by_the_name_it_shows() {
        for order in Order::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for order in VersionOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
            assert_eq!(order.to_string().parse(), Ok(Order::from(order)));
        }
        assert_eq!("portage".parse::<Order>(), Err(UnknownOrder::Any));
        assert_eq!("pisi1".parse::<VersionOrder>(), Err(UnknownOrder::OfPackages));
    }
}
