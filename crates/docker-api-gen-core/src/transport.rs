//! What a caller has to say about how connections come about.

/// Nothing, as a rule.
#[derive(Clone, Default)]
pub(crate) struct Transport {
    #[cfg(feature = "ssh")]
    pub(crate) ssh_program: Option<std::ffi::OsString>,
    #[cfg(all(feature = "custom-transport", unix))]
    pub(crate) dialer: Option<crate::dial::Dialer>,
    #[cfg(feature = "reqwest")]
    pub(crate) client: Option<reqwest::Client>,
}

impl Transport {
    /// The socket that leads to the daemon in place of its address, if that is how it is reached.
    #[cfg(all(feature = "bridge", unix))]
    pub(crate) fn bridge(
        &self,
        host: &crate::host::Host,
        limits: crate::limits::Limits,
    ) -> Result<Option<crate::bridge::Bridge>, crate::error::Error> {
        use crate::bridge::{Bridge, Way};

        #[cfg(feature = "reqwest")]
        if self.client.is_some() {
            return Ok(None);
        }
        #[cfg(feature = "custom-transport")]
        if let Some(dialer) = &self.dialer {
            let dial = crate::dial::Dial::new(dialer.clone(), host, limits.connect);
            return Bridge::new(host, Way::Dial(dial)).map(Some);
        }
        #[cfg(feature = "ssh")]
        if let crate::host::Address::Ssh(address) = host.address() {
            let program = self.ssh_program.as_deref();
            let ssh = crate::ssh::Ssh::new(host, address, program, limits.connect);
            return Bridge::new(host, Way::Ssh(ssh)).map(Some);
        }
        Ok(None)
    }
}
