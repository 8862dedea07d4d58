use super::*;

fn profiles(config: &str, credentials: &str) -> Profiles {
    let folder = std::env::temp_dir().join(format!("dynamodb-balance-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), config).unwrap();
    std::fs::write(folder.join("credentials"), credentials).unwrap();
    let path = |file: &str| folder.join(file).to_str().unwrap().to_owned();
    let environment = [
        ("AWS_CONFIG_FILE".to_owned(), path("config")),
        ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), path("credentials")),
    ];
    Profiles::read(&environment.into()).unwrap()
}

fn region(config: &str) -> Option<String> {
    profiles(config, "").get("default", "region", Preferred::Config).map(str::to_owned)
}

#[test]
fn oddly_written_files_are_understood() {
    for config in [
        "[default]\nregion = eu-west-1\n",
        "[default]\r\nregion = eu-west-1\r\n",
        "[default]\nregion=eu-west-1",
        "[default]\n  region = eu-west-1\n",
        "[default]\n\tregion = eu-west-1\n",
        "\u{feff}[default]\nregion = eu-west-1\n",
        "[default]\n  # mine\nregion = eu-west-1 # too\n",
        "; mine\n[default] ; mine\nregion = eu-west-1 ; mine\n",
        "  [default]  \nregion = eu-west-1\n",
        "[default]\nnonsense\nregion = eu-west-1\n",
        "[profile other]\nnonsense\n[default]\nregion = eu-west-1\n[profile\n",
        "[default]\noutput = json\n[default]\nregion = eu-west-1\n",
        "[profile default]\nregion = eu-west-1\n",
        "[default]\nregion = us-west-2\n[profile default]\nregion = eu-west-1\n",
        "[profile 'default']\nregion = eu-west-1\n",
        "[default]\nRegion = eu-west-1\n",
        "[default]\nregion = eu-west-1\nREGION = us-west-2\n",
        "[default]\ns3 =\n  region = us-west-2\nregion = eu-west-1\n",
        "[foo bar]\nregion = us-west-2\n[default]\nregion = eu-west-1\n",
    ] {
        assert_eq!(region(config).as_deref(), Some("eu-west-1"), "{config:?}");
    }
}

#[test]
fn what_is_passed_over_is_told_with_file_and_line() {
    for (config, lines) in [
        ("[default]\nregion eu-west-1\n", vec![2]),
        ("region = eu-west-1\n", vec![1]),
        ("[default\nregion = eu-west-1\n", vec![1, 2]),
        ("# mine\n\n[default]\n= eu-west-1\nregion: eu-west-1\n", vec![4, 5]),
        ("[default]\nregion = eu-west-1\n[plugins x]\na = b\n", vec![]),
    ] {
        let passed_over = profiles(config, "").passed_over;
        assert_eq!(passed_over.len(), lines.len(), "{config:?}: {passed_over:?}");
        for (told, line) in passed_over.iter().zip(lines) {
            assert!(told.starts_with(&format!("line {line} of ")), "{told}");
            assert!(told.contains("config says nothing"), "{told}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_a_missing_one_is_none() {
    let folder = std::env::temp_dir().to_str().unwrap().to_owned();
    let environment = |path: &str| {
        HashMap::from([
            ("AWS_CONFIG_FILE".to_owned(), path.to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), "/nonexistent".to_owned()),
        ])
    };
    let unreadable = Profiles::read(&environment(&folder)).unwrap().passed_over;
    assert!(unreadable[0].contains("cannot be read"), "{unreadable:?}");
    let missing = Profiles::read(&environment("/nonexistent")).unwrap().passed_over;
    assert!(missing.is_empty(), "{missing:?}");
}

#[cfg(unix)]
#[test]
fn a_lack_of_descriptors_may_pass_and_a_lack_of_permission_may_not() {
    for (number, expected) in [(24, true), (23, true), (11, true), (13, false), (2, false)] {
        assert_eq!(may_pass(&io::Error::from_raw_os_error(number)), expected, "{number}");
    }
}

#[test]
fn the_sdk_is_handed_a_file_that_says_the_same() {
    let profiles = profiles(
        "\u{feff}[default]\n  region = eu-west-1\nnonsense\n[profile other]\nrole_arn = arn\n\
         credential_source = Environment\naws_session_token =\n[sso-session mine]\n\
         sso_region = eu-west-1\n[services local]\nsts =\n  endpoint_url = http://localhost\n",
        "[other]\nregion = us-west-2\n",
    );
    let environment = HashMap::from([
        ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
        ("AWS_SESSION_TOKEN".to_owned(), String::new()),
    ]);
    assert_eq!(
        profiles.to_config_file(&environment),
        "[profile default]\nregion=eu-west-1\n[profile other]\nregion=us-west-2\nrole_arn=arn\n\
         source_profile=dynamodb-balance/environment\n[services local]\nsts=\n  \
         endpoint_url=http://localhost\n[sso-session mine]\nsso_region=eu-west-1\n\
         [profile dynamodb-balance/environment]\naws_access_key_id=key\n"
    );
}

#[test]
fn files_are_looked_for_at_home() {
    let home = HashMap::from([("HOME".to_owned(), "/home/someone".to_owned())]);
    let places = Profiles::read(&home).unwrap().places;
    assert_eq!(places, "/home/someone/.aws/config and /home/someone/.aws/credentials");
}
