//! The world: what may happen next, chosen by chance, and the quiet at the end.

use super::{
    Break, Settings, Tally,
    chance::Chance,
    client::{Client, Wish},
    log::{Committed, Log, Page},
    node::{Ask, Node},
};

/// Rounds of the quiet after which nobody may still be waiting for anything.
const ROUNDS: usize = 400;

pub(super) struct World {
    chance: Chance,
    settings: Settings,
    log: Log,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    hints: Vec<(usize, Committed)>,
    asks: Vec<Asked>,
    /// Subscriptions on their way, with the client's connection.
    wishes: Vec<(u64, Wish)>,
    connections: u64,
    /// Nothing is lost, fails or ends any more.
    quiet: bool,
    pub(super) tally: Tally,
}

/// A question to the log on its way there, or its answer on its way back.
struct Asked {
    node: usize,
    life: u64,
    ask: Ask,
    stage: Stage,
}

enum Stage {
    Asked,
    Answered(Page),
    Failed,
}

impl World {
    pub(super) fn new(run: u64, broken: Option<Break>) -> Self {
        let mut chance = Chance::of_run(run);
        let settings = Settings::choose(&mut chance, broken);
        let nodes = (0..=chance.below(3)).map(|_| Node::default()).collect();
        let clients = (0..2 + chance.below(4)).map(|_| Client::new()).collect();
        Self {
            chance,
            settings,
            log: Log::new(broken),
            nodes,
            clients,
            hints: Vec::new(),
            asks: Vec::new(),
            wishes: Vec::new(),
            connections: 0,
            quiet: false,
            tally: Tally::default(),
        }
    }

    /// Lets so many things happen, then lets everything come to rest.
    pub(super) fn run(&mut self, steps: usize) -> Result<(), String> {
        for _ in 0..steps {
            self.step()?;
            self.collect()?;
        }
        self.rest()?;
        // Once more with everybody there: nobody who returns asks for the head, and so hides what hangs.
        for _ in 0..steps / 10 {
            self.stir()?;
            self.collect()?;
        }
        self.rest()
    }

    /// Lets everything that is under way arrive, and judges.
    fn rest(&mut self) -> Result<(), String> {
        self.quiet = true;
        self.finish_write(false);
        if !self.settings.reliable && self.chance.one_in(2) {
            // The last word of all may be lost, too.
            self.hints.clear();
        }
        let mut resting = 0;
        for round in 0..ROUNDS {
            self.calm(round)?;
            resting = if self.is_at_rest() { resting + 1 } else { 0 };
            // Long enough for a sweep of all nodes, and what follows from it.
            if resting > 12 {
                self.quiet = false;
                return self.judge();
            }
        }
        Err("it never comes to rest".into())
    }

    fn judge(&self) -> Result<(), String> {
        let head = self.log.head();
        for (index, client) in self.clients.iter().enumerate() {
            client.finish(head, &self.log.ledger).map_err(|what| format!("client {index} {what}"))?;
        }
        Ok(())
    }

    /// One thing happens that neither ends a connection nor begins one.
    fn stir(&mut self) -> Result<(), String> {
        let node = self.chance.below(self.nodes.len());
        let client = self.chance.below(self.clients.len());
        match self.chance.below(10) {
            0 | 1 => self.write(),
            2..5 => self.carry_hint(),
            5..7 => self.carry_ask(),
            7 => self.carry_wish(),
            8 => self.nodes[node].tick(),
            _ => return self.take_frame(client),
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        let node = self.chance.below(self.nodes.len());
        let client = self.chance.below(self.clients.len());
        match self.chance.below(100) {
            0..18 if self.chance.one_in(self.settings.pause) => self.write(),
            18..36 => self.carry_hint(),
            36..60 => self.carry_ask(),
            60..64 => self.carry_wish(),
            64..86 if client > 0 || self.chance.one_in(self.settings.slowness) => {
                return self.take_frame(client);
            }
            86..92 => self.come_or_go(client),
            92..94 => self.sweep(node),
            94 => self.nodes[node].tick(),
            95 => self.log.back_up(),
            96 | 97 if self.chance.one_in(self.settings.calamity) => self.trim(),
            98 if self.chance.one_in(self.settings.calamity) => self.restart(node),
            99 if self.chance.one_in(4 * self.settings.calamity) => self.restore(),
            _ => {}
        }
        Ok(())
    }

    /// One round of the quiet: everything that is under way arrives.
    fn calm(&mut self, round: usize) -> Result<(), String> {
        if round.is_multiple_of(4) {
            for node in 0..self.nodes.len() {
                self.sweep(node);
            }
        }
        for client in 0..self.clients.len() {
            if self.clients[client].connected.is_none() {
                self.come_or_go(client);
            }
        }
        self.collect()?;
        for _ in 0..self.hints.len() {
            self.carry_hint();
        }
        for _ in 0..2 * self.asks.len() {
            self.carry_ask();
        }
        for _ in 0..self.wishes.len() {
            self.carry_wish();
        }
        self.collect()?;
        for client in 0..self.clients.len() {
            while self.has_frame(client) {
                self.take_frame(client)?;
            }
        }
        self.collect()?;
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        let sweeps = |asked: &Asked| matches!(asked.ask, Ask::Sweep);
        self.hints.is_empty()
            && self.wishes.is_empty()
            && self.asks.iter().all(sweeps)
            && self.nodes.iter().all(Node::is_quiet)
            && self.clients.iter().all(|client| client.connected.is_some())
    }

    /// Takes over what the nodes want: answers of the log, the end of connections.
    fn collect(&mut self) -> Result<(), String> {
        for index in 0..self.nodes.len() {
            self.nodes[index].pump();
            let node = &mut self.nodes[index];
            let life = node.life;
            let asked = |ask| Asked { node: index, life, ask, stage: Stage::Asked };
            self.asks.extend(node.asks.drain(..).map(asked));
            for connection in std::mem::take(&mut self.nodes[index].ended) {
                self.disconnect(connection);
            }
            let life = self.nodes[index].life;
            let fills =
                |it: &&Asked| (it.node, it.life) == (index, life) && matches!(it.ask, Ask::Fill { .. });
            if self.asks.iter().filter(fills).count() > 1 {
                return Err(format!("node {index} reads twice at a time"));
            }
        }
        Ok(())
    }

    fn write(&mut self) {
        match self.chance.below(4) {
            0 | 1 => self.log.publish(),
            2 if self.chance.one_in(3) => {
                let told = self.log.roll_back();
                self.tell(&told);
            }
            _ => {
                let crashes = !self.settings.reliable && self.chance.one_in(16);
                self.finish_write(crashes);
            }
        }
    }

    /// Commits. A writer that crashes then tells nobody, and its node is gone.
    fn finish_write(&mut self, crashes: bool) {
        if !self.log.is_writing() {
            return;
        }
        let committed = self.log.commit();
        self.tally.committed += committed.len();
        if crashes {
            let writer = self.chance.below(self.nodes.len());
            self.restart(writer);
        } else {
            self.tell(&committed);
        }
    }

    fn tell(&mut self, committed: &[Committed]) {
        for node in 0..self.nodes.len() {
            self.hints.extend(committed.iter().map(|publication| (node, *publication)));
        }
    }

    /// A hint arrives, in any order; some are lost, some come again later.
    fn carry_hint(&mut self) {
        let Some((node, hint)) = self.chance.take(&mut self.hints) else { return };
        let lossy = !self.quiet && !self.settings.reliable;
        if lossy && self.chance.one_in(self.settings.loss) {
            return;
        }
        if !self.quiet && self.chance.one_in(8) {
            self.hints.push((node, hint));
        }
        self.nodes[node].hint(hint, &self.settings);
    }

    /// A question reaches the log, or an answer its node.
    fn carry_ask(&mut self) {
        let Some(asked) = self.chance.take(&mut self.asks) else { return };
        let answer = match asked.stage {
            Stage::Asked => {
                let stage = self.read(asked.ask);
                return self.asks.push(Asked { stage, ..asked });
            }
            Stage::Answered(page) => Some(page),
            Stage::Failed => None,
        };
        let node = &mut self.nodes[asked.node];
        if node.life != asked.life {
            return;
        }
        let head = answer.as_ref().map(|page| page.head);
        match asked.ask {
            Ask::Fill { .. } => node.filled(answer, &self.settings, &mut self.tally),
            Ask::Sweep => node.told_head(head, None, &self.settings),
            Ask::Head { connection } => node.told_head(head, Some(connection), &self.settings),
            Ask::Replay { connection, until, .. } => {
                node.replayed(connection, until, answer, &self.settings);
            }
        }
    }

    fn read(&mut self, ask: Ask) -> Stage {
        if !self.quiet && self.chance.one_in(20) {
            return Stage::Failed;
        }
        let after = match ask {
            Ask::Fill { after } | Ask::Replay { after, .. } => after,
            Ask::Sweep | Ask::Head { .. } => self.log.head().offset,
        };
        Stage::Answered(self.log.read(after, self.settings.page))
    }

    fn carry_wish(&mut self) {
        let Some((connection, wish)) = self.chance.take(&mut self.wishes) else { return };
        let mut connected = self.clients.iter().filter_map(|client| client.connected);
        if let Some((node, _)) = connected.find(|(_, known)| *known == connection) {
            self.nodes[node].subscribe(connection, wish.since);
        }
    }

    fn has_frame(&self, client: usize) -> bool {
        let Some((node, connection)) = self.clients[client].connected else { return false };
        self.nodes[node].seats.iter().any(|seat| seat.connection == connection && !seat.socket.is_empty())
    }

    fn take_frame(&mut self, client: usize) -> Result<(), String> {
        let Some((node, connection)) = self.clients[client].connected else { return Ok(()) };
        let seats = &mut self.nodes[node].seats;
        let seat = seats.iter_mut().find(|seat| seat.connection == connection);
        let Some(frame) = seat.and_then(|seat| seat.socket.pop_front()) else { return Ok(()) };
        let court = (&self.log.ledger, &self.settings, &mut self.tally);
        let again = self.clients[client]
            .receive(frame, self.log.head(), court)
            .map_err(|what| format!("client {client}: {what}"))?;
        self.wishes.extend(again.map(|wish| (connection, wish)));
        Ok(())
    }

    fn come_or_go(&mut self, client: usize) {
        match self.clients[client].connected {
            Some((_, connection)) => self.disconnect(connection),
            None => {
                self.connections += 1;
                let node = self.chance.below(self.nodes.len());
                let wish = self.clients[client].connect(node, self.connections, self.log.head());
                self.wishes.push((self.connections, wish));
            }
        }
    }

    fn disconnect(&mut self, connection: u64) {
        let of_connection = |client: &&mut Client| client.connected.is_some_and(|(_, it)| it == connection);
        let Some(client) = self.clients.iter_mut().find(of_connection) else { return };
        if let Some((node, _)) = client.connected.take() {
            self.nodes[node].leave(connection);
        }
    }

    /// A node's process ends, and another starts in its place.
    fn restart(&mut self, node: usize) {
        for connection in self.nodes[node].restart() {
            self.disconnect(connection);
        }
        // What was on its way to it is lost with its sockets.
        self.hints.retain(|(to, _)| *to != node);
    }

    fn sweep(&mut self, node: usize) {
        if self.settings.broken == Some(Break::NeverSwept) {
            return;
        }
        if !self.settings.reliable {
            self.nodes[node].sweep();
        }
        self.nodes[node].tick();
    }

    fn trim(&mut self) {
        let count = self.chance.below(self.settings.retained);
        self.log.trim(count);
    }

    /// The log goes back to its backup, under running nodes or with a restart of some.
    fn restore(&mut self) {
        if !self.log.restore() {
            return;
        }
        self.tally.restored += 1;
        for node in 0..self.nodes.len() {
            // Without hints and sweeps, nobody else would tell a node of it.
            if self.settings.reliable || self.chance.one_in(2) {
                self.restart(node);
            }
        }
    }
}
