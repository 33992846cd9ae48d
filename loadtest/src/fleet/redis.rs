//! A `redis-server` of its own for a run, and as much of its protocol as a run needs.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::process::{Process, free_address};

/// How long Redis may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// The most bytes of one text of an answer.
const LARGEST: usize = 1 << 24;

/// What a missing value is called here.
const NOTHING: &str = "(nil)";

/// It keeps nothing on disk.
#[derive(Debug)]
pub(super) struct Redis {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
}

impl Redis {
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let address = free_address()?;
        let port = address.port().to_string();
        let arguments =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let mut process =
            Process::start("redis-server", Path::new("redis-server"), &arguments, folder)?;
        process.wait_for(address)?;
        Ok(Self { process, address })
    }

    pub(super) fn session(&self) -> io::Result<Session> {
        let stream = TcpStream::connect_timeout(&self.address, ANSWER)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        Ok(Session(BufReader::new(stream)))
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session(BufReader<TcpStream>);

impl Session {
    /// One command: its answer as text, whether Redis calls that a text or a number.
    pub(super) fn command(&mut self, words: &[&str]) -> io::Result<String> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.extend(["$", &word.len().to_string(), "\r\n", word, "\r\n"]);
        }
        self.0.get_mut().write_all(text.as_bytes())?;
        self.answer(words.first().copied().unwrap_or_default())
    }

    /// Carries out what was sent since `MULTI`.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.0.get_mut().write_all(b"*1\r\n$4\r\nEXEC\r\n")?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let count = line.trim_end().strip_prefix('*').and_then(|count| count.parse::<u32>().ok());
        let count =
            count.ok_or_else(|| io::Error::other(format!("EXEC is answered with {line:?}")))?;
        (0..count).try_for_each(|_| self.answer("EXEC").map(drop))
    }

    fn answer(&mut self, asked: &str) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.trim_end();
        if let Some(text) = line.strip_prefix(['+', ':']) {
            return Ok(text.to_owned());
        }
        if line == "$-1" {
            return Ok(NOTHING.to_owned());
        }
        let length: usize = line
            .strip_prefix('$')
            .and_then(|length| length.parse().ok())
            .filter(|length| *length <= LARGEST)
            .ok_or_else(|| io::Error::other(format!("{asked} is answered with {line:?}")))?;
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// How many bytes what lies under a name takes.
    pub(super) fn size(&mut self, name: &str) -> io::Result<u64> {
        match self.command(&["MEMORY", "USAGE", name, "SAMPLES", "0"])?.as_str() {
            NOTHING => Ok(0),
            bytes => bytes.parse().map_err(io::Error::other),
        }
    }

    pub(super) fn usage(&mut self) -> io::Result<Usage> {
        let info = ["memory", "stats", "cpu", "commandstats"]
            .map(|section| self.command(&["INFO", section]))
            .into_iter()
            .collect::<io::Result<String>>()?;
        Usage::read(&info).ok_or_else(|| io::Error::other("INFO lacks what it should have"))
    }
}

/// What Redis has used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// Bytes, now.
    pub(super) memory: u64,
    /// Scripts that were called: each is one round trip.
    pub(super) scripts: u64,
    /// Commands in all, those inside of scripts included.
    pub(super) commands: u64,
    /// Processor time in seconds.
    pub(super) cpu: f64,
}

impl Usage {
    fn read(info: &str) -> Option<Self> {
        let value = |name: &str| {
            let found = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            found.map(str::trim)
        };
        let calls = value("cmdstat_evalsha").unwrap_or("calls=0");
        let scripts = calls.strip_prefix("calls=")?.split(',').next()?.parse().ok()?;
        let seconds = |name: &str| value(name)?.parse::<f64>().ok();
        Some(Self {
            memory: value("used_memory")?.parse().ok()?,
            scripts,
            commands: value("total_commands_processed")?.parse().ok()?,
            cpu: seconds("used_cpu_user")? + seconds("used_cpu_sys")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_of_itself_is_read() {
        let info = "# Memory\r\nused_memory:1000\r\nused_memory_human:1K\r\n# Stats\r\n\
                    total_commands_processed:70\r\n# CPU\r\nused_cpu_sys:0.250000\r\nused_cpu_user:0.500000\r\n\
                    used_cpu_sys_children:9\r\n# Commandstats\r\ncmdstat_evalsha:calls=12,usec=3,x=1\r\n";
        let expected = Usage { memory: 1000, scripts: 12, commands: 70, cpu: 0.75 };
        assert_eq!(Usage::read(info), Some(expected));
    }

    #[test]
    fn one_that_has_run_no_script_has_run_none() {
        let info = "used_memory:1\nused_cpu_sys:0\nused_cpu_user:0\ntotal_commands_processed:2\n";
        assert_eq!(Usage::read(info).map(|usage| usage.scripts), Some(0));
    }
}
