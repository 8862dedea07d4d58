mod histories;
mod history;
mod judge;
mod rules;
mod vocabulary;
